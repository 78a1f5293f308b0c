"""The servers that other tests stand on do what those expect of them."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
import pytest
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import NoAuthError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_digest_acl

from tests.servers.process import opened_by, running
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.sessions import expire
from tests.servers.tls import Certificates, make_certificates
from tests.servers.zookeeper import Ensemble, ZooKeeper, client_options

pytestmark = pytest.mark.functional

DURABLE = {"delivery_mode": 2}
LOOPBACK, LOOPBACK_6 = "0100007F", "00000000000000000000000001000000"
QUORUM = {"x-queue-type": "quorum"}


def until(what: Callable[[], Any], bound: float = 30.0) -> Any:
    deadline = time.monotonic() + bound
    while not (said := what()):
        assert time.monotonic() < deadline, f"not within {bound:g} s"
        time.sleep(0.05)
    return said


def listens(*pids: int) -> dict[int, str]:
    """Addresses that those processes listen at, by port, as the kernel tells it."""
    inodes = {what for pid in pids for what in opened_by(pid)}
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in inodes:
                address, port = local.split(":")
                found[int(port, 16)] = address
    return found


@contextmanager
def kazoo(port: int, *, timeout: float = 10, **options: Any) -> Iterator[KazooClient]:
    client = KazooClient(f"127.0.0.1:{port}", timeout=timeout, **options)
    try:
        client.start(15)
        yield client
    finally:
        client.stop()
        client.close()


@contextmanager
def broker(port: int, vhost: str = "/", user: str = "ann", **options: Any) -> Iterator[amqp.Connection]:
    connection = amqp.Connection(f"127.0.0.1:{port}", user, user, virtual_host=vhost, connect_timeout=5, **options)
    try:
        connection.connect()
        yield connection
    finally:
        connection.collect()


class TestZooKeeper:
    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_it_keeps_its_port_its_data_and_the_sessions_when_it_comes_back(
        self, zookeeper_installed: None, tmp_path: Path, how: str
    ) -> None:
        with (
            running(ZooKeeper(tmp_path)) as server,
            Proxy(server.port) as proxy,
            kazoo(proxy.port, timeout=20) as client,
        ):
            client.create("/kept", b"this", ephemeral=True)
            session = client.client_id
            proxy.cut()  # whoever connects while it starts may be left without an answer
            getattr(server, how)()
            until(lambda: not client.connected)
            server.start()
            proxy.heal()
            until(lambda: client.connected)
            assert client.get("/kept")[0] == b"this"
            assert client.client_id == session

    def test_it_listens_on_loopback_and_nowhere_else(self, zookeeper_installed: None, tmp_path: Path) -> None:
        with running(ZooKeeper(tmp_path)) as server:
            assert listens(server.pid) == {server.port: LOOPBACK}

    @pytest.mark.parametrize("timeout", [0.5, 2, 60])
    def test_it_grants_short_and_long_sessions(self, zookeeper: ZooKeeper, timeout: float) -> None:
        with kazoo(zookeeper.port, timeout=timeout) as client:
            assert client._session_timeout == timeout * 1000

    def test_a_client_that_is_gone_loses_what_was_its_own_at_the_end_of_its_session(
        self, zookeeper: ZooKeeper, zookeeper_root: str
    ) -> None:
        with Proxy(zookeeper.port) as proxy, kazoo(proxy.port, timeout=1) as client:
            client.create(f"{zookeeper_root}/mine", ephemeral=True)
            proxy.cut()
            with zookeeper.superuser() as judge:
                assert judge.exists(f"{zookeeper_root}/mine")
                until(lambda: judge.exists(f"{zookeeper_root}/mine") is None, 10)

    def test_the_superuser_sees_what_is_not_for_others(self, zookeeper: ZooKeeper, zookeeper_root: str) -> None:
        mine = make_digest_acl("ann", "ann", all=True)
        with kazoo(zookeeper.port, auth_data=[("digest", "ann:ann")]) as ann, kazoo(zookeeper.port) as other:
            ann.create(f"{zookeeper_root}/hers", b"secret", acl=[mine])
            with pytest.raises(NoAuthError):
                other.get(f"{zookeeper_root}/hers")
        with zookeeper.superuser() as judge:
            assert judge.get(f"{zookeeper_root}/hers")[0] == b"secret"

    def test_an_ensemble_survives_the_loss_of_any_one(self, zookeeper_installed: None, tmp_path: Path) -> None:
        with running(Ensemble(tmp_path)) as ensemble:
            client = KazooClient(ensemble.hosts, timeout=10)
            client.start(15)
            client.ensure_path("/kept")
            for server in ensemble.servers:
                server.kill()
                until(lambda: any(other.mode == "leader" for other in ensemble.servers))
                client.retry(client.create, "/kept/x", b"", sequence=True)
                server.start()
            assert len(client.retry(client.get_children, "/kept")) >= 3
            first, second, _ = ensemble.servers
            first.kill()
            second.kill()
            until(lambda: not any(other.mode for other in ensemble.servers))
            client.stop()
            client.close()


class TestSessions:
    def test_one_that_is_expired_is_at_an_end_for_the_server_and_for_its_client(
        self, zookeeper: ZooKeeper, zookeeper_root: str
    ) -> None:
        states: list[str] = []
        with Proxy(zookeeper.port) as proxy, kazoo(proxy.port) as client:
            client.add_listener(states.append)
            client.create(f"{zookeeper_root}/mine", ephemeral=True)
            first = client.client_id
            assert proxy.sessions == [first]
            expire(zookeeper.hosts, first)
            with zookeeper.superuser() as judge:
                assert judge.exists(f"{zookeeper_root}/mine") is None
            until(lambda: KazooState.LOST in states and client.connected)
            assert client.client_id != first
            assert proxy.sessions == [first, client.client_id]
            assert proxy.live_sessions == [client.client_id]

    def test_the_last_of_many_clients_can_be_expired_alone(self, zookeeper: ZooKeeper) -> None:
        with Proxy(zookeeper.port) as proxy, kazoo(proxy.port) as first, kazoo(proxy.port) as second:
            before = (first.client_id, second.client_id)
            assert proxy.live_sessions in ([*before], [*reversed(before)])
            expire(zookeeper.hosts, before[1])
            until(lambda: second.connected and second.client_id != before[1])
            assert first.client_id == before[0]


class TestProxy:
    def test_a_cut_wire_drops_all_and_refuses_until_it_is_healed(self, zookeeper: ZooKeeper) -> None:
        with Proxy(zookeeper.port) as proxy, kazoo(proxy.port) as client:
            session = client.client_id
            proxy.cut()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
            until(lambda: not client.connected)
            assert proxy.live_sessions == []
            proxy.heal()
            until(lambda: client.connected)
            assert client.client_id == session

    def test_a_stalled_wire_accepts_and_passes_nothing_and_all_comes_through_when_it_is_healed(
        self, zookeeper: ZooKeeper
    ) -> None:
        with Proxy(zookeeper.port) as proxy:
            old = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
            proxy.stall()
            new = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
            for connection in (old, new):
                connection.sendall(b"ruok")
                connection.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    connection.recv(4)
            proxy.heal()
            for connection in (old, new):
                connection.settimeout(10)
                assert connection.recv(4) == b"imok"
                assert connection.recv(4) == b""
                connection.close()

    def test_much_passes_both_ways_through_many_connections_at_once(self) -> None:
        """An echo on the other side, and a megabyte in each of 40 connections."""
        echo = [sys.executable, "-S", "-c", ECHO]
        with subprocess.Popen(echo, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                with Proxy(int(server.stdout.readline())) as proxy:
                    load = os.urandom(1_000_000)
                    ends = [socket.create_connection(("127.0.0.1", proxy.port), timeout=30) for _ in range(40)]
                    for end in ends:
                        end.sendall(load[:1000])
                    for end in ends:
                        assert end.recv(1000, socket.MSG_WAITALL) == load[:1000]
                    for end in ends:
                        end.sendall(load)
                        end.shutdown(socket.SHUT_WR)
                        assert b"".join(iter(lambda end=end: end.recv(65_536), b"")) == load
                        end.close()
            finally:
                server.kill()

    def test_nobody_behind_it_is_a_dropped_connection(self, zookeeper_installed: None, tmp_path: Path) -> None:
        server = ZooKeeper(tmp_path)
        with Proxy(server.port) as proxy:
            with pytest.raises(ConnectionResetError):  # it may come while we still connect
                socket.create_connection(("127.0.0.1", proxy.port), timeout=10).recv(1)
            with running(server), kazoo(proxy.port) as client:
                assert client.exists("/")

    def test_a_broker_works_through_it_and_is_cut_off_by_it(self, rabbitmq: RabbitMQ, vhost: str) -> None:
        with Proxy(rabbitmq.port) as proxy:
            with broker(proxy.port, vhost) as connection:
                connection.channel().queue_declare("here", durable=True)
                proxy.cut()
                with pytest.raises((OSError, amqp.AMQPError)):
                    connection.channel()
            with pytest.raises(ConnectionRefusedError), broker(proxy.port, vhost):
                pass
            proxy.heal()
            with broker(proxy.port, vhost) as connection:
                assert connection.channel().queue_declare("here", passive=True).queue == "here"
            assert proxy.sessions == []


class TestRabbitMQ:
    def test_each_test_has_a_vhost_of_its_own(self, rabbitmq: RabbitMQ, vhost: str) -> None:
        with broker(rabbitmq.port, vhost) as connection:
            connection.channel().queue_declare("here", durable=True)
            assert rabbitmq.ctl("list_queues", "-p", vhost, "name").split() == ["here"]
            assert rabbitmq.ctl("list_queues", "name").split() == []

    def test_its_users_are_ours_and_no_guest(self, rabbitmq: RabbitMQ) -> None:
        assert sorted(line.split()[0] for line in rabbitmq.ctl("list_users").splitlines()) == [
            "ann",
            "bob",
            "elastic",
        ]
        with pytest.raises(amqp.AccessRefused), broker(rabbitmq.port, user="guest"):
            pass

    @pytest.mark.slow
    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_it_keeps_its_port_and_durable_queues_when_it_comes_back(
        self, rabbitmq_installed: None, tmp_path: Path, how: str
    ) -> None:
        with running(RabbitMQ(tmp_path)) as server:
            with broker(server.port) as connection:
                channel = connection.channel()
                channel.confirm_select()
                channel.queue_declare(
                    "quorum", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
                )
                channel.basic_publish_confirm(amqp.Message("kept", **DURABLE), routing_key="quorum")
                server.ctl("delete_user", "bob")
            until(lambda: server.has_on_disk("quorum"))
            getattr(server, how)()
            with pytest.raises(ConnectionRefusedError), broker(server.port):
                pass
            server.start()
            assert "bob" not in server.ctl("list_users")
            with broker(server.port) as connection:
                channel = connection.channel()
                assert until(lambda: channel.basic_get("quorum", no_ack=True)).body == "kept"

    @pytest.mark.slow
    def test_it_listens_on_loopback_alone_and_leaves_nothing(
        self, rabbitmq_installed: None, tmp_path: Path
    ) -> None:
        with running(RabbitMQ(tmp_path)) as server:
            pids = server.pids
            ours = listens(*pids)
            assert server.port in ours
            assert set(ours.values()) <= {LOOPBACK, LOOPBACK_6}
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


class TestTLS:
    @pytest.mark.parametrize("shown", [False, True])
    def test_zookeeper_serves_those_who_know_its_authority(
        self, zookeeper_installed: None, tmp_path: Path, shown: bool
    ) -> None:
        ours = make_certificates(tmp_path / "ours", clients_show_theirs=shown)
        theirs = make_certificates(tmp_path / "theirs")
        with running(ZooKeeper(tmp_path, tls=ours)) as server:
            with kazoo(server.port, **client_options(ours)) as client:
                assert client.exists("/")
            with pytest.raises(KazooTimeoutError), kazoo_briefly(server.port, theirs):
                pass
            plain = KazooClient(server.hosts, timeout=2)
            with pytest.raises(KazooTimeoutError):
                plain.start(2)
            plain.close()
            assert accepts(server.port, ours, show=True, hello=b"ruok")
            assert accepts(server.port, ours, show=False, hello=b"ruok") is not shown
            assert not accepts(server.port, theirs, show=True, hello=b"ruok")

    @pytest.mark.slow
    @pytest.mark.parametrize("shown", [False, True])
    def test_rabbitmq_serves_those_who_know_its_authority(
        self, rabbitmq_installed: None, tmp_path: Path, shown: bool
    ) -> None:
        ours = make_certificates(tmp_path / "ours", clients_show_theirs=shown)
        theirs = make_certificates(tmp_path / "theirs")
        hello = b"AMQP\x00\x00\x09\x01"
        with running(RabbitMQ(tmp_path, tls=ours)) as server:
            assert server.url().startswith("amqps://")
            assert accepts(server.port, ours, show=True, hello=hello)
            assert accepts(server.port, ours, show=False, hello=hello) is not shown
            assert not accepts(server.port, theirs, show=True, hello=hello)


@contextmanager
def kazoo_briefly(port: int, tls: Certificates) -> Iterator[KazooClient]:
    client = KazooClient(f"127.0.0.1:{port}", timeout=2, **client_options(tls))
    try:
        client.start(2)
        yield client
    finally:
        client.stop()
        client.close()


def accepts(port: int, tls: Certificates, *, show: bool, hello: bytes) -> bool:
    """Whether client and server of the port trust one another, and the server answers."""
    context = ssl.create_default_context(cafile=str(tls.ca_file))
    if show:
        context.load_cert_chain(tls.client_cert, tls.client_key)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(hello)
            return bool(connection.recv(1))
    except (ssl.SSLError, ConnectionError):
        return False


class TestTheEnd:
    def test_a_run_that_is_killed_leaves_no_server(self, zookeeper_installed: None, tmp_path: Path) -> None:
        run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        run.send_signal(signal.SIGKILL)
        run.wait()
        until(lambda: not Path(f"/proc/{pid}").exists(), 10)


ECHO = """
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while got := self.request.recv(65536):
            self.request.sendall(got)
class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 100
    daemon_threads = True
with Server(("127.0.0.1", 0), Echo) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""

RUN = """
import sys
import time
from pathlib import Path
from tests.servers.zookeeper import ZooKeeper
server = ZooKeeper(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""
