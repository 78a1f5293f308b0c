"""One site: a cloud, region and project by a name in clouds.yaml, and the way to it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from keystoneauth1.session import TCPKeepAliveAdapter
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.exceptions import ConfigException, SDKException

from elastic.adapters.cloud.openstack import faults
from elastic.adapters.cloud.openstack.choices import Choices
from elastic.adapters.cloud.openstack.pace import Pace
from elastic.errors import BadRequest, NotAsked
from elastic.ports.clock import Clock

MICROVERSION = "2.79"
"""Of Nova's API (2019, Train): tags at the create (2.52), soft affinity (2.15), `policy` of a group (2.64), a cell
that is down shown as such (2.69)."""

VOLUMES = ("block-storage", "block-store", "volumev3", "volume")
"""What Cinder may be called in a catalogue."""

Connect = Callable[[], Connection]


class Site:
    """For all threads. Nothing is asked before the first call, and then first of all what the site can speak.
    `timeout` is one request's, in seconds."""

    def __init__(self, name: str, connect: Connect, clock: Clock, timeout: float, rate: float = 0.0) -> None:
        self.name, self.timeout = name, timeout
        self._connect, self._clock = connect, clock
        self._pace = Pace(clock, rate)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self.choices = Choices(self.connection, clock, name)

    def connection(self) -> Connection:
        """The same for all: openstacksdk and keystoneauth hold no state of a call in it."""
        with self._lock:
            if self._connection is None:
                self._connection = _checked(self._connect())
            return self._connection

    @contextmanager
    def asked(self) -> Iterator[Connection]:
        """Around a call, or a few: at our pace, with their errors as ours; a site that asks for a pause gets
        it."""
        self._pace.wait(self.timeout)
        try:
            with faults.told():
                yield self.connection()
        except NotAsked as trouble:
            self._pace.hold(trouble.again, str(trouble))
            raise

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


def spoken(connection: Connection) -> tuple[str, bool]:
    """Which microversions of Nova's API the site speaks, and whether ours is among them."""
    endpoint = connection.compute.get_endpoint_data()
    low, high = endpoint.min_microversion, endpoint.max_microversion
    if low is None or high is None:
        return "none", False
    ours = tuple(map(int, MICROVERSION.split(".")))
    return f"{low[0]}.{low[1]} to {high[0]}.{high[1]}", low <= ours <= high


def _checked(connection: Connection) -> Connection:
    said, is_ours = spoken(connection)
    if not is_ours:
        refused = NotAsked(f"Nova speaks the microversions {said}, and elastic needs {MICROVERSION}")
        refused.again = 60.0
        raise refused
    return connection


def connector(name: str, config: OpenStackConfig, timeout: float, connections: int) -> Connect:
    """How to reach the cloud of that name. BadRequest if clouds.yaml does not tell."""
    try:
        region = config.get_one(cloud=name, api_timeout=timeout, compute_default_microversion=MICROVERSION)
    except (ConfigException, SDKException) as error:
        raise BadRequest(f"[cloud] clouds: {name!r}: {error}") from None

    def connect() -> Connection:
        connection = Connection(config=region, app_name="elastic")
        for scheme in ("http://", "https://"):
            adapter = TCPKeepAliveAdapter(pool_maxsize=connections)
            connection.session.session.mount(scheme, adapter)
        return connection

    return connect
