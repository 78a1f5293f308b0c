"""Names in a recipe, and what they stand for at a site: ids, looked up once a minute."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException, raise_from_response
from openstack.image.v2.image import Image

from elastic.adapters.cloud.openstack.turns import in_turn
from elastic.errors import BadOrder
from elastic.ports.clock import Clock

FRESH = 60.0  # seconds


class Choices:
    """For all threads; of several that look for the same one asks. BadOrder if there is none such, or several."""

    def __init__(self, connection: Callable[[], Connection], clock: Clock, site: str, timeout: float) -> None:
        self._connection, self._clock, self._site, self._timeout = connection, clock, site, timeout
        self._known: dict[tuple[str, str], tuple[float, str]] = {}
        self._asking: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def image(self, wanted: str | Mapping[str, str]) -> str:
        if isinstance(wanted, str):
            return self._id("image", wanted, lambda c: c.image.find_image(wanted, ignore_missing=False))
        shown = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
        return self._id("image", shown, lambda c: _newest_image(c, wanted))

    def flavor(self, wanted: str) -> str:
        return self._id("flavor", wanted, lambda c: c.compute.find_flavor(wanted, ignore_missing=False))

    def network(self, wanted: str) -> str:
        return self._id("network", wanted, lambda c: c.network.find_network(wanted, ignore_missing=False))

    def security_group(self, wanted: str) -> str:
        def find(connection: Connection) -> Any:
            project = connection.current_project_id
            return connection.network.find_security_group(wanted, ignore_missing=False, project_id=project)

        return self._id("security group", wanted, find)

    def server_group(self, wanted: str) -> str:
        def find(connection: Connection) -> Any:
            return connection.compute.find_server_group(wanted, ignore_missing=False)

        return self._id("server group", wanted, find)

    def _id(self, what: str, name: str, find: Callable[[Connection], Any]) -> str:
        if known := self._remembered(what, name):
            return known
        with self._lock:
            asking = self._asking.setdefault((what, name), threading.Lock())
        with in_turn(asking, self._timeout, f"{what} {name!r} is still being looked for"):
            return self._remembered(what, name) or self._asked(what, name, find)

    def _remembered(self, what: str, name: str) -> str:
        with self._lock:
            at, known = self._known.get((what, name), (0.0, ""))
        return known if self._clock.monotonic() - at < FRESH else ""

    def _asked(self, what: str, name: str, find: Callable[[Connection], Any]) -> str:
        now = self._clock.monotonic()
        try:
            identity = str(find(self._connection()).id)
        except NotFoundException:
            raise BadOrder(f"{what} {name!r}: there is none such at site {self._site}") from None
        with self._lock:
            self._known[what, name] = now, identity
        return identity


def _newest_image(connection: Connection, properties: Mapping[str, str]) -> Image:
    """NotFoundException if no active one has them all."""
    params = {**properties, "status": "active", "sort": "created_at:desc,id:asc", "limit": "1"}
    answer = connection.image.get("/images", params=params)
    raise_from_response(answer)
    images = answer.json()["images"]
    if not images:
        raise NotFoundException
    return Image(id=images[0]["id"])
