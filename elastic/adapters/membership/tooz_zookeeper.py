"""tooz's ZooKeeper driver on a client of ours: TLS that checks the host's name, credentials with any character in
them, a chroot, a session that is not rounded to whole seconds, and no call that waits for the connection.

The groups lie below the cluster's own node, `<chroot>/<cluster>/group`, with the same ACL.
"""

from typing import Any
from urllib.parse import urlsplit

from kazoo.client import KazooClient
from kazoo.protocol.states import KeeperState
from kazoo.security import make_digest_acl
from tooz.drivers.zookeeper import KazooDriver

from elastic.adapters.store.zookeeper.address import Address, parsed
from elastic.adapters.store.zookeeper.client import Client
from elastic.adapters.store.zookeeper.closing import closed_within
from elastic.adapters.store.zookeeper.paths import quoted
from elastic.errors import BadRequest

SCHEMES = ("zookeeper", "kazoo")
CLOSING = 0.8  # seconds


class ZookeeperDriver(KazooDriver):  # type: ignore[misc]
    """`url` as the store's. `session_timeout` in seconds."""

    def __init__(self, url: str, cluster: str, member: bytes, session_timeout: float) -> None:
        address = address_of(url)
        acl = [make_digest_acl(address.user, address.secret, all=True)] if address.user else None
        self.client = Client(address, session_timeout, acl)
        namespace = f"{address.chroot}/{quoted(cluster)}/group".lstrip("/")
        super().__init__(member, None, {"timeout": max(1, round(session_timeout)), "namespace": namespace})

    @property
    def has_ended(self) -> bool:
        """Its client will not connect again by itself."""
        return self.client.client_state in (KeeperState.CLOSED, KeeperState.AUTH_FAILED)

    def abandon(self) -> None:
        """Our session ends now if the server can be told, and else when its time is over; never waits long."""
        closed_within(self.client, CLOSING)

    def _make_client(self, parsed_url: Any, options: Any) -> KazooClient:  # noqa: ARG002
        return self.client

    def _stop(self) -> None:
        self.abandon()


def address_of(url: str) -> Address:
    """BadRequest names the option."""
    place = urlsplit(url)
    try:
        return parsed(place._replace(scheme="zookeeper").geturl())
    except BadRequest as refused:
        raise BadRequest(str(refused).replace("[store] url", "[coordination] backend_url")) from None
