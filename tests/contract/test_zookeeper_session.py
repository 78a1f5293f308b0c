"""The session with ZooKeeper, on a real server: how it fails, and that no wait is without an end."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from elastic.adapters.store.zookeeper.address import Address, parsed
from elastic.adapters.store.zookeeper.asks import Check, Children, Create, Delete, Exists, Get, Set
from elastic.adapters.store.zookeeper.session import BATCH, WINDOW, Session
from elastic.adapters.store.zookeeper.transaction import Refused, Unsure
from elastic.errors import OutcomeUnknown, StoreUnavailable, TooMuch
from tests.contract.worlds import SERVER_SESSION, until
from tests.servers.process import free_port
from tests.servers.proxy import Proxy
from tests.servers.sessions import expire
from tests.servers.zookeeper import Ensemble, ZooKeeper

pytestmark = pytest.mark.functional

RECONNECTED = 15.0  # seconds after ZooKeeper's return, at most


@pytest.fixture
def proxy(zookeeper: ZooKeeper) -> Iterator[Proxy]:
    with Proxy(zookeeper.port) as proxy:
        yield proxy


@pytest.fixture
def session(proxy: Proxy, zookeeper_root: str) -> Iterator[Session]:
    """Through the proxy. Its cluster's node is there, with nothing in it."""
    session = opened(Address(hosts=f"127.0.0.1:{proxy.port}", chroot=zookeeper_root))
    session.transact([Create(session.at())])
    yield session
    session.close()


@pytest.fixture
def onlooker(zookeeper: ZooKeeper, zookeeper_root: str) -> Iterator[Session]:
    """Not through the proxy."""
    session = opened(Address(hosts=zookeeper.hosts, chroot=zookeeper_root))
    yield session
    session.close()


def opened(address: Address, timeout: float = SERVER_SESSION) -> Session:
    session = Session(address, "c", timeout)
    session.start()
    return session


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


class TestReading:
    def test_each_is_answered_in_its_place_and_what_is_not_there_by_none(self, session: Session) -> None:
        session.transact([Create(session.at("a"), b"1"), Create(session.at("a", "b"))])

        a, none, children, there = session.read(
            [Get(session.at("a")), Get(session.at("z")), Children(session.at("a")), Exists(session.at("a"))]
        )
        assert a is not None
        assert (a.data, a.version) == (b"1", 0)
        assert none is None
        assert children is not None
        assert children.children == ("b",)
        assert there is not None
        assert (there.made, there.touched) == (a.made, a.touched)

    def test_more_are_asked_than_are_ever_under_way(self, session: Session) -> None:
        session.transact([Create(session.at(f"n{n}"), b"%d" % n) for n in range(1000)])
        found = session.read([Get(session.at(f"n{n}")) for n in range(1000)])
        assert [node.data if node else None for node in found] == [b"%d" % n for n in range(1000)]

    def test_many_threads_get_each_its_own_answers_in_order(self, session: Session) -> None:
        session.transact([Create(session.at(f"n{n}"), b"%d" % n) for n in range(500)])
        faults: list[object] = []

        def ask(thread: int) -> None:
            random = Random(thread)
            for size in (1, 63, 64, 65, 256, 257, 320, 500):
                wanted = [random.randrange(-50, 500) for _ in range(size)]
                found = session.read([Get(session.at(f"n{n}")) for n in wanted], fresh=thread % 2 == 0)
                got = [node.data if node else None for node in found]
                if got != [b"%d" % n if n >= 0 else None for n in wanted]:
                    faults.append((thread, size))
                session.transact([Set(session.at(f"n{thread}"), b"%d" % thread)])

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert faults == []
        assert not any(thread.is_alive() for thread in threads)
        assert session.losses == 0

    def test_a_batch_wakes_kazoos_loop_once(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        bell, rung = session.client._connection._write_sock, list[int]()
        heard = SimpleNamespace(sendall=lambda data: (rung.append(len(data)), bell.sendall(data)))
        monkeypatch.setattr(session.client._connection, "_write_sock", heard)
        session.read([Exists(session.at()) for _ in range(WINDOW + BATCH)])
        monkeypatch.undo()
        assert rung == [WINDOW, BATCH, 1]  # with the sync there is one more

    def test_a_watch_rings_at_a_change_and_where_there_was_no_node(
        self, session: Session, onlooker: Session
    ) -> None:
        rung: list[str] = []
        session.read(
            [
                Children(session.at(), lambda _: rung.append("children")),
                Exists(session.at("a"), lambda _: rung.append("a")),
            ]
        )
        onlooker.transact([Create(session.at("a"))])
        assert until(lambda: sorted(rung) == ["a", "children"])

    def test_with_the_connection_all_watches_go_and_the_loss_is_counted(
        self, session: Session, proxy: Proxy
    ) -> None:
        rung: list[str] = []
        session.read([Get(session.at(), lambda event: rung.append(event.type))])
        before = session.losses
        proxy.drop()
        assert until(lambda: rung == ["NONE"] and session.losses == before + 1 and session.is_connected)


class TestTransactions:
    def test_results_are_given_for_each_operation(self, session: Session) -> None:
        made = session.transact(
            [
                Create(session.at("a"), b"1"),
                Create(session.at("s-"), sequence=True),
                Set(session.at("a"), b"2", 0),
                Check(session.at("a"), 1),
                Delete(session.at("a")),
            ]
        )
        assert made == [session.at("a"), session.at("s-0000000001"), 1, None, None]

    def test_the_first_one_refused_is_named_and_nothing_is_done(self, session: Session) -> None:
        session.transact([Create(session.at("a"))])
        for refused, is_what in (
            (Create(session.at("a")), "is_there"),
            (Set(session.at("z"), b""), "is_missing"),
            (Check(session.at("a"), 7), "is_stale"),
        ):
            with pytest.raises(Refused) as caught:
                session.transact([Create(session.at("new")), refused, Check(session.at("a"), 8)])
            assert (caught.value.index, caught.value.op) == (1, refused)
            assert getattr(caught.value, is_what)
            assert session.get(session.at("new")) is None

    def test_one_too_large_is_refused_before_it_costs_us_the_connection(self, session: Session) -> None:
        before = session.losses
        session.transact([Create(session.at("fits"), b"x" * 500_000)])
        with pytest.raises(TooMuch):
            session.transact([Create(session.at("a"), b"x" * 300_000), Create(session.at("b"), b"x" * 300_000)])
        assert session.children(session.at()) == ("fits",)
        assert session.losses == before

    def test_what_kazoo_finds_no_fault_with_and_the_server_does_is_no_success(self, session: Session) -> None:
        with pytest.raises(StoreUnavailable):
            session.transact([Create(session.at("a")), Create("no path")])
        assert session.children(session.at()) == ()


class TestWithoutAnswer:
    def test_while_it_is_cut_nothing_is_waited_for_and_nothing_sent_later(
        self, session: Session, proxy: Proxy
    ) -> None:
        proxy.cut()
        assert until(lambda: not session.is_connected)
        for work in (lambda: session.get(session.at()), lambda: session.transact([Create(session.at("late"))])):
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable):
                work()
            assert time.monotonic() - begun < 2
        proxy.heal()
        assert until(lambda: session.is_connected)
        assert session.children(session.at()) == ()

    def test_what_slips_in_as_the_connection_goes_fails_with_it(self, session: Session, proxy: Proxy) -> None:
        """Many threads write while it is cut time and again: what was refused is not there, then or later."""
        refused: list[str] = []
        written: list[str] = []
        stop = threading.Event()

        def write(name: str) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                path = session.at(f"{name}-{number}")
                try:
                    session.transact([Create(path)])
                    written.append(path)
                except StoreUnavailable:
                    refused.append(path)
                    until(lambda: session.is_connected)
                except Unsure:
                    until(lambda: session.is_connected)

        def cut_and_written_again() -> bool:
            before = len(written)
            proxy.cut()
            proxy.heal()
            return until(lambda: len(written) > before)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        came_back = [cut_and_written_again() for _ in range(10)]
        stop.set()
        for thread in threads:
            thread.join(30)

        there = {session.at(name) for name in session.children(session.at())}
        assert all(came_back)
        assert there >= set(written)
        assert not there & set(refused)

    @pytest.mark.slow
    def test_a_stalled_one_is_waited_for_so_long_and_no_longer(self, session: Session, proxy: Proxy) -> None:
        proxy.stall()
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            session.get(session.at())
        assert time.monotonic() - begun < 8

        begun = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            session.write([Create(session.at("sent"))], landed=lambda: session.get(session.at("sent")) is not None)
        assert time.monotonic() - begun < 10
        proxy.heal()
        session.get(session.at("sent"))  # whoever looks again comes after it

    @pytest.mark.slow
    def test_a_write_given_up_before_it_was_sent_is_never_sent(
        self, session: Session, proxy: Proxy, onlooker: Session
    ) -> None:
        """So much is written to a server that takes nothing that most of it never leaves us."""
        outcomes: dict[str, Exception] = {}

        def write(path: str) -> None:
            try:
                session.transact([Create(path, b"x" * 500_000)])
            except (StoreUnavailable, Unsure) as fault:
                outcomes[path] = fault

        proxy.stall()
        threads = [threading.Thread(target=write, args=(session.at(f"n{n}"),)) for n in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        given_up = {path for path, fault in outcomes.items() if isinstance(fault, StoreUnavailable)}
        assert len(outcomes) == 40
        assert len(given_up) > 10

        proxy.heal()
        assert until(lambda: session.is_connected and bool(answer(session)))
        session.transact([Create(session.at("next"))])
        there = {session.at(name) for name in onlooker.children(session.at())}
        assert session.at("next") in there
        assert not there & given_up

    def test_a_reply_that_is_lost_for_good_leaves_the_outcome_unknown(
        self, session: Session, proxy: Proxy
    ) -> None:
        proxy.cut()
        assert until(lambda: not session.is_connected)
        with pytest.raises(OutcomeUnknown):
            session.read_back(Unsure("sent", time.monotonic() + 0.5), lambda: session.get(session.at()))


def answer(session: Session) -> object:
    try:
        return session.get(session.at())
    except StoreUnavailable:
        return None


class TestComingAndGoing:
    def test_where_nobody_answers_one_is_told_so_in_time(self) -> None:
        for hosts in (f"127.0.0.1:{free_port()}", "no-such-host.invalid:2181"):
            session = Session(Address(hosts=hosts), "c", 10)
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable, match=hosts):
                session.start()
            assert time.monotonic() - begun < 10

    def test_one_of_several_hosts_is_enough(self, zookeeper: ZooKeeper) -> None:
        hosts = f"127.0.0.1:{free_port()},no-such-host.invalid:2181,{zookeeper.hosts}"
        session = opened(Address(hosts=hosts))
        assert session.get("/") is not None
        session.close()

    @pytest.mark.parametrize("state", ["connected", "cut", "stalled", "expired", "closed"])
    def test_it_is_closed_within_seconds_in_every_state(
        self, session: Session, proxy: Proxy, zookeeper: ZooKeeper, state: str
    ) -> None:
        match state:
            case "cut":
                proxy.cut()
                assert until(lambda: not session.is_connected)
            case "stalled":
                proxy.stall()
            case "expired":
                proxy.cut()
                expire(zookeeper.hosts, proxy.sessions[-1])
            case "closed":
                session.close()
        assert seconds(session.close) < 4
        with pytest.raises(StoreUnavailable):
            session.get(session.at())

    def test_closed_its_ephemeral_nodes_are_gone_at_once(self, session: Session, onlooker: Session) -> None:
        session.transact([Create(session.at("mine"), ephemeral=True)])
        session.close()
        assert onlooker.children(onlooker.at()) == ()

    def test_when_its_session_has_ended_it_has_a_new_one_by_itself(
        self, session: Session, zookeeper: ZooKeeper, proxy: Proxy
    ) -> None:
        session.transact([Create(session.at("mine"), ephemeral=True)])
        before = session.losses
        expire(zookeeper.hosts, proxy.sessions[-1])
        assert until(lambda: session.losses > before and session.is_connected)
        assert session.children(session.at()) == ()
        assert len(proxy.sessions) == 2

    def test_when_kazoos_loop_has_ended_it_begins_anew(self, session: Session) -> None:
        class Broken:
            type = 1

            def serialize(self) -> bytes:
                raise ValueError("a surprise")

        session.client._call(Broken(), session.client.handler.async_result())
        assert until(lambda: not session.is_connected)
        assert until(lambda: answer(session) is not None)

    @pytest.mark.parametrize("away", [3, pytest.param(14, marks=pytest.mark.slow)])
    def test_it_is_back_soon_after_the_server_however_long_that_was_away(
        self, zookeeper_installed: None, tmp_path: Path, away: float
    ) -> None:
        server = ZooKeeper(tmp_path)
        server.start()
        session = opened(Address(hosts=server.hosts), timeout=2)
        session.transact([Create(session.at())])
        try:
            server.kill()
            time.sleep(away)
            server.start()
            assert until(lambda: session.is_connected, RECONNECTED)
            assert session.get(session.at()) is not None
        finally:
            session.close()
            server.stop()

    @pytest.mark.slow
    def test_it_is_back_soon_after_a_server_that_only_held_its_breath(
        self, zookeeper_installed: None, tmp_path: Path
    ) -> None:
        server = ZooKeeper(tmp_path)
        server.start()
        session = opened(Address(hosts=server.hosts), timeout=2)
        try:
            server.pause()
            time.sleep(14)
            server.resume()
            assert until(lambda: session.is_connected and answer_of_root(session), RECONNECTED)
        finally:
            session.close()
            server.stop()


def answer_of_root(session: Session) -> bool:
    try:
        return session.get("/") is not None
    except StoreUnavailable:
        return False


@pytest.mark.slow
class TestAnEnsemble:
    def test_who_has_caught_up_misses_nothing_that_was_written_elsewhere(
        self, zookeeper_installed: None, tmp_path: Path
    ) -> None:
        ensemble = Ensemble(tmp_path)
        ensemble.start()
        sessions = [opened(Address(hosts=server.hosts)) for server in ensemble.servers]
        try:
            sessions[0].transact([Create(sessions[0].at())])
            for number in range(1, 301):
                writer, *readers = sessions[number % 3 :] + sessions[: number % 3]
                writer.transact([Set(writer.at(), b"%d" % number)])
                for reader in readers:
                    reader.catch_up()
                    found = reader.get(reader.at(), fresh=False)
                    assert found is not None
                    assert found.data == b"%d" % number
        finally:
            for session in sessions:
                session.close()
            ensemble.stop()

    def test_without_its_leader_it_goes_on_in_the_same_session(
        self, zookeeper_installed: None, tmp_path: Path
    ) -> None:
        ensemble = Ensemble(tmp_path)
        ensemble.start()
        session = opened(parsed(f"zookeeper://{ensemble.hosts}"))
        try:
            session.transact([Create(session.at()), Create(session.at("mine"), ephemeral=True)])
            ensemble.leader.kill()
            assert until(lambda: answer(session) is not None)
            assert session.children(session.at()) == ("mine",)
        finally:
            session.close()
            ensemble.stop()
