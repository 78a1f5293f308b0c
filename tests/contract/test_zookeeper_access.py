"""Who may do what in ZooKeeper: we alone, or it is said aloud; and by TLS only to the right server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl

from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.errors import BadRequest, StoreUnavailable
from elastic.model.decision import Event
from elastic.ports.store import Commit, Quarantine, Request
from tests.contract.records import KEY, assigned, domain, instance, seat_of, tenure_of
from tests.contract.worlds import SERVER_SESSION
from tests.servers.tls import Certificates, make_certificates
from tests.servers.zookeeper import ZooKeeper

pytestmark = pytest.mark.functional

SECRET = "s3cret-word"  # noqa: S105


def place(hosts: str, root: str, user: str = f"elastic:{SECRET}@", **more: Any) -> StorePlace:
    return StorePlace(f"zookeeper://{user}{hosts}{root}", 16, session_timeout=SERVER_SESSION, **more)


@pytest.fixture
def tree(zookeeper: ZooKeeper, zookeeper_root: str) -> Iterator[str]:
    """The root of a store with something of everything in it."""
    store = ZookeeperStore.at(place(zookeeper.hosts, f"{zookeeper_root}/mine"))
    seat = seat_of(ZookeeperElection(store.session, "m1"))
    assigned(store, seat)
    store.add_domain(domain(), Request("k1", {"a": 1}, 1e12))
    commit = Commit(id="c1", decides=True, added=[instance("i1")], events=[Event(time=1, kind="scaled")])
    store.commit(store.view(KEY), tenure_of(store), commit)
    store.add_entry("type", "worker", {})
    store.set_flag("f", 1)
    store.quarantine(Quarantine(key=KEY, strikes=1, until=1.0, member="m1"))
    yield f"{zookeeper_root}/mine"
    store.close()


def nodes(client: KazooClient, path: str) -> list[str]:
    below = [node for name in client.get_children(path) for node in nodes(client, f"{path}/{name}")]
    return [path, *below]


@pytest.mark.parametrize("stranger", [None, "elastic:guess", "other:s3cret-word"])
def test_strangers_can_do_nothing_with_any_node(zookeeper: ZooKeeper, tree: str, stranger: str | None) -> None:
    with zookeeper.superuser() as all_seeing:
        paths = nodes(all_seeing, tree)
    assert len(paths) > 50
    auth = [("digest", stranger)] if stranger else None
    client = KazooClient(zookeeper.hosts, auth_data=auth)
    client.start()
    try:
        attempts: list[Callable[[str], Any]] = [
            client.get_async,
            client.get_children_async,
            lambda path: client.set_async(path, b"mine"),
            lambda path: client.create_async(f"{path}/mine"),
            lambda path: client.set_acls_async(path, OPEN_ACL_UNSAFE),
        ]
        for attempt in attempts:
            for path, flying in [(path, attempt(path)) for path in paths]:
                flying.wait(30)
                assert isinstance(flying.exception, NoAuthError), path
        for path in paths[1:]:
            with pytest.raises(NoAuthError):
                client.delete(path)
    finally:
        client.stop()
        client.close()


def test_without_credentials_it_has_to_be_said_aloud(zookeeper: ZooKeeper, zookeeper_root: str) -> None:
    with pytest.raises(BadRequest, match="insecure"):
        ZookeeperStore.at(place(zookeeper.hosts, zookeeper_root, user=""))

    store = ZookeeperStore.at(place(zookeeper.hosts, zookeeper_root, user="", insecure=True))
    store.add_domain(domain())
    store.close()


@pytest.mark.parametrize(("user", "insecure"), [("elastic:wrong@", False), ("other:x@", False), ("", True)])
def test_a_tree_of_another_user_is_refused(zookeeper: ZooKeeper, tree: str, user: str, insecure: bool) -> None:
    with pytest.raises(BadRequest, match=r"not open to|may be changed by") as caught:
        ZookeeperStore.at(place(zookeeper.hosts, tree, user=user, insecure=insecure))
    assert "wrong" not in str(caught.value)


OPENED = ["", "/partitions", "/partitions/003", "/partitions/003/.keys", "/assignment", "/terms/decider", "/types"]


@pytest.mark.parametrize("node", OPENED)
def test_a_tree_in_which_others_may_write_is_refused_by_the_path(
    zookeeper: ZooKeeper, tree: str, node: str
) -> None:
    path = f"{tree}/default{node}"
    with zookeeper.superuser() as client:
        client.set_acls(path, OPEN_ACL_UNSAFE)
    with pytest.raises(BadRequest, match=rf"{path} may be changed by world:anyone"):
        ZookeeperStore.at(place(zookeeper.hosts, tree))


def test_so_is_one_with_a_domain_that_is_open(zookeeper: ZooKeeper, tree: str) -> None:
    with zookeeper.superuser() as client:
        [path] = [path for path in nodes(client, tree) if path.endswith(":1")]
        client.set_acls(path, [*client.get_acls(path)[0], make_digest_acl("eve", "x", write=True)])
    with pytest.raises(BadRequest, match=r"may be changed by digest:eve"):
        ZookeeperStore.at(place(zookeeper.hosts, tree))


def test_others_may_be_let_read(zookeeper: ZooKeeper, tree: str) -> None:
    with zookeeper.superuser() as client:
        path = f"{tree}/default/assignment"
        client.set_acls(path, [*client.get_acls(path)[0], make_digest_acl("graphs", "x", read=True)])
    ZookeeperStore.at(place(zookeeper.hosts, tree)).close()


def test_the_secret_is_shown_nowhere(
    zookeeper: ZooKeeper, zookeeper_root: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    where = place(zookeeper.hosts, zookeeper_root)
    store = ZookeeperStore.at(where)
    store.add_domain(domain())
    store.close()

    shown = f"{where!r} {store.session.address!r} {store.session.address} {caplog.text}"
    assert SECRET not in shown


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), clients_show_theirs=True)


@pytest.fixture(scope="module")
def server(
    zookeeper_installed: None, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZooKeeper]:
    server = ZooKeeper(tmp_path_factory.mktemp("zookeeper-tls"), tls=certificates)
    server.start()
    yield server
    server.stop()


class TestTls:
    def test_a_store_works_over_it(self, server: ZooKeeper, certificates: Certificates) -> None:
        store = ZookeeperStore.at(place(server.hosts, f"/tls?{urlencode(certificates.options())}"))
        store.add_domain(domain())
        assert store.view(KEY).domain.incarnation == 1
        store.close()

    def test_a_server_of_another_authority_is_refused(
        self, server: ZooKeeper, certificates: Certificates, tmp_path: Path
    ) -> None:
        other = make_certificates(tmp_path)
        options = {**certificates.options(), "ca_file": str(other.ca_file)}
        with pytest.raises(BadRequest, match=r"ca_file: .*CERTIFICATE_VERIFY_FAILED"):
            ZookeeperStore.at(place(server.hosts, f"/tls?{urlencode(options)}"))

    def test_so_is_one_whose_certificate_is_for_another_host(
        self, server: ZooKeeper, certificates: Certificates
    ) -> None:
        hosts = f"127.1:{server.port}"  # the same server, by a name that is not in its certificate
        with pytest.raises(BadRequest, match=r"ca_file: .*127\.1"):
            ZookeeperStore.at(place(hosts, f"/tls?{urlencode(certificates.options())}"))

    def test_a_client_without_a_certificate_is_refused_by_the_server(
        self, server: ZooKeeper, certificates: Certificates
    ) -> None:
        with pytest.raises(StoreUnavailable):
            ZookeeperStore.at(place(server.hosts, f"/tls?ca_file={certificates.ca_file}"))

    def test_plain_text_is_not_understood(self, server: ZooKeeper) -> None:
        with pytest.raises(StoreUnavailable):
            ZookeeperStore.at(place(server.hosts, "/tls"))
