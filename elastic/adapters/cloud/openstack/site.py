"""One site: a cloud, region and project by a name in clouds.yaml, and the way to it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.exceptions import SDKException

from elastic.adapters.cloud.openstack import faults
from elastic.adapters.cloud.openstack.choices import Choices
from elastic.adapters.cloud.openstack.gate import Gate
from elastic.adapters.cloud.openstack.pace import Pace
from elastic.adapters.cloud.openstack.turns import in_turn
from elastic.errors import BadRequest, NotAsked
from elastic.ports.clock import Clock

MICROVERSION = "2.79"
"""Of Nova's API (2019, Train): tags at the create (2.52), soft affinity (2.15), `policy` of a group (2.64)."""

UNFIT_SECONDS = 60.0
"""Until a Nova that cannot speak it is looked at again."""

SERVICES = ("compute", "image", "network", "block_storage", "volume", "identity")
NO_RETRIES = {f"{service}_{what}_retries": 0 for service in SERVICES for what in ("connect", "status_code")}
"""Whatever clouds.yaml says, or openstacksdk by itself (of images it asks six times): that is for us to decide."""

VOLUMES = ("block-storage", "block-store", "volumev3", "volume")
"""What Cinder may be called in a catalogue."""

Connect = Callable[[], Connection]


class Site:
    """For all threads. Nothing is asked before the first call, and then first of all what the site can speak.
    `timeout` is one request's, in seconds, and that of every wait for another thread."""

    def __init__(self, name: str, connect: Connect, clock: Clock, pace: Pace, timeout: float) -> None:
        self.name, self.pace, self.timeout = name, pace, timeout
        self._connect, self._clock = connect, clock
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._is_fit = False
        self._unfit: tuple[float, str] = 0.0, ""  # until when it is not looked at again
        self.choices = Choices(self.connection, clock, name, timeout)

    def connection(self) -> Connection:
        """The same for all: openstacksdk and keystoneauth hold no state of a call in it."""
        with in_turn(self._lock, self.timeout, "it is still being connected to"):
            connection = self._bare()
            if not self._is_fit:
                self._refuse_unfit(connection)
                connection.compute.default_microversion = MICROVERSION
                self._is_fit = True
            return connection

    @contextmanager
    def bare(self) -> Iterator[Connection]:
        """As `asked`, whatever Nova can speak."""
        with faults.told():
            with in_turn(self._lock, self.timeout, "it is still being connected to"):
                connection = self._bare()
            yield connection

    @contextmanager
    def asked(self) -> Iterator[Connection]:
        """Around a call, or a few: with their errors as ours."""
        with faults.told():
            yield self.connection()

    def has_volumes(self) -> bool:
        """By the catalogue. (openstacksdk logs a warning for each service that it asks for in vain.)"""
        with self.asked() as connection:
            session = connection.session
            catalog = session.auth.get_access(session).service_catalog.catalog
            return any(service["type"] in VOLUMES for service in catalog)

    def authenticate(self) -> None:
        """Have a token that lasts, so that the next request goes out at once."""
        with self.asked() as connection:
            connection.session.get_token()

    def _bare(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _refuse_unfit(self, connection: Connection) -> None:
        now = self._clock.monotonic()
        until, why = self._unfit
        if now >= until:
            said, is_ours = spoken(connection)
            if is_ours:
                return
            until, why = (
                now + UNFIT_SECONDS,
                f"Nova speaks the microversions {said}, and elastic needs {MICROVERSION}",
            )
            self._unfit = until, why
        raise NotAsked(why, until - now)


def spoken(connection: Connection) -> tuple[str, bool]:
    """Which microversions of Nova's API the site speaks, and whether ours is among them."""
    endpoint = connection.compute.get_endpoint_data()
    low, high = endpoint.min_microversion, endpoint.max_microversion
    if low is None or high is None:
        return "none", False
    ours = tuple(map(int, MICROVERSION.split(".")))
    return f"{low[0]}.{low[1]} to {high[0]}.{high[1]}", low <= ours <= high


def connector(name: str, config: OpenStackConfig, gate: Callable[[], Gate], timeout: float) -> Connect:
    """How to reach the cloud of that name, through a gate for each scheme. BadRequest if clouds.yaml does not
    tell."""
    file = config.config_filename or "clouds.yaml, as none is found (OS_CLIENT_CONFIG_FILE names it)"
    if name not in (known := config.get_cloud_names()):
        there = f"; there are {', '.join(known)}" if config.config_filename else ""
        raise BadRequest(f"[cloud] clouds: there is no {name!r} in {file}{there}")
    try:
        region = config.get_one(cloud=name, api_timeout=timeout, **NO_RETRIES)
    except (SDKException, ClientException, TypeError) as error:  # the last: a key that its auth_type does not know
        raise BadRequest(f"[cloud] clouds: {name!r} in {file}: {error}") from None

    def connect() -> Connection:
        connection = Connection(config=region, app_name="elastic")
        for scheme in ("http://", "https://"):
            connection.session.session.mount(scheme, gate())
        return connection

    return connect
