"""The group, the names and the roles on a real ZooKeeper, whatever befalls the connection: what tooz and kazoo
were seen to do wrong there, and that it heals."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from kazoo.client import KazooClient

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.membership.name import MARGIN, MemberName, NamedGroup
from elastic.adapters.membership.tooz import ToozGroup
from elastic.adapters.membership.tooz_zookeeper import ZookeeperDriver, address_of
from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.session import Session
from elastic.conf import embedded, settings
from elastic.conf.coordination import backend_of
from elastic.conf.settings import Settings
from elastic.errors import BadRequest, Conflict, StoreUnavailable, Superseded
from elastic.model.assignment import Assignment, Seat
from elastic.parts import plant
from elastic.ports.membership import Election, Group
from elastic.roles.leadership import Leadership
from elastic.roles.moment import Moment
from tests.contract.clocks import HandClock
from tests.servers.process import running
from tests.servers.proxy import Proxy
from tests.servers.sessions import expire
from tests.servers.tls import make_certificates
from tests.servers.zookeeper import ZooKeeper, client_options

pytestmark = pytest.mark.functional

SESSION = 2.0
BOUND = 20.0  # seconds for what takes one or two
PATH = "/there/elastic"


@pytest.fixture(scope="module")
def server(zookeeper_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeper]:
    """Ours alone: its transactions are counted, and it is stopped."""
    with running(ZooKeeper(tmp_path_factory.mktemp("zookeeper"))) as started:
        yield started


@pytest.fixture
def wire(server: ZooKeeper) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def world(server: ZooKeeper) -> Iterator["World"]:
    """Its tree is gone before and after."""
    made = World(server)
    made.clean()
    yield made
    made.close()
    made.clean()


class World:
    """Replicas on one server, each with a store's session and a group's; `port` of a wire if it is not direct."""

    def __init__(self, server: ZooKeeper) -> None:
        self.server = server
        self.stores: list[ZookeeperStore] = []
        self.drivers: dict[str, ZookeeperDriver] = {}
        self._groups: list[ToozGroup] = []

    def url(self, port: int | None = None) -> str:
        return f"zookeeper://elastic:s%2Fcr%40t@127.0.0.1:{port or self.server.port}/there"

    def store(self, port: int | None = None, session: float = SESSION) -> ZookeeperStore:
        self.stores.append(ZookeeperStore.at(StorePlace(self.url(port), 4, "elastic", session)))
        return self.stores[-1]

    def group(self, member: str, port: int | None = None, session: float = SESSION) -> ToozGroup:
        def connect(name: bytes, seconds: float) -> ZookeeperDriver:
            self.drivers[member] = ZookeeperDriver(backend_of(self.url(port)), "elastic", name, seconds)
            return self.drivers[member]

        made = ToozGroup(
            self.url(port), "members", member, {"release": "9"}, SYSTEM_CLOCK, session, connect=connect
        )
        self._groups.append(made)
        return made

    def election(self, member: str, port: int | None = None) -> tuple[ZookeeperElection, ZookeeperStore]:
        store = self.store(port)
        return ZookeeperElection(store.session, member), store

    def name(self, member: str, clock: HandClock | None = None) -> MemberName:
        return MemberName(self.store().session, member, clock or SYSTEM_CLOCK, SESSION, ("here", 7))

    def contenders(self, role: str = "decider") -> list[str]:
        with self.server.superuser() as client:
            return sorted(client.get_children(f"{PATH}/elections/{role}"))

    def written(self) -> int:
        """Transactions of the server so far."""
        line = next(line for line in self.server.says("srvr").splitlines() if line.startswith("Zxid: "))
        return int(line.removeprefix("Zxid: "), 16)

    def clean(self) -> None:
        with self.server.superuser() as client:
            client.delete("/there", recursive=True)

    def close(self) -> None:
        for group in self._groups:
            with suppress(StoreUnavailable):
                group.leave()
        for store in self.stores:
            store.close()


def until(condition: Callable[[], bool], bound: float = BOUND) -> float:
    """The seconds until it came true; what does not answer meanwhile is asked again."""
    began = time.monotonic()
    while True:
        with suppress(StoreUnavailable):
            if condition():
                return time.monotonic() - began
        assert time.monotonic() - began < bound, "it did not come true in time"
        time.sleep(0.02)


def taken(call: Callable[[], object]) -> float:
    """Seconds that `call` took, whatever came of it."""
    began = time.monotonic()
    with suppress(StoreUnavailable):
        call()
    return time.monotonic() - began


def end_session(server: ZooKeeper, client: KazooClient) -> None:
    known = client.client_id
    assert known is not None
    expire(server.hosts, known)


@contextmanager
def kept(*each: Callable[[], object]) -> Iterator[None]:
    """Called again and again meanwhile, as a keeper does."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(SESSION / 3):
            for call in each:
                with suppress(StoreUnavailable):
                    call()

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# fault a: who elects on the group's id puts a `leader` into it


def test_the_lock_of_an_election_by_tooz_is_no_member(world: World) -> None:
    group = world.group("m1")
    group.join()
    other = ZookeeperDriver(world.url(), "elastic", b"foreign", SESSION)
    other.start()
    other.watch_elected_as_leader(b"members", lambda event: None)
    other.run_watchers()

    assert b"leader" in world.drivers["m1"].get_members(b"members").get()
    assert set(group.present()) == {"m1"}
    other.stop()


# fault b: a session that is over


@pytest.mark.slow
def test_a_member_whose_session_is_over_is_back_by_itself(world: World) -> None:
    first, second = world.group("m1"), world.group("m2")
    first.join()
    second.join()
    with kept(first.beat):
        end_session(world.server, world.drivers["m1"].client)
        assert set(second.present()) == {"m2"}
        assert until(lambda: set(second.present()) == {"m1", "m2"}) < SESSION + 5


def test_a_leader_whose_session_is_over_knows_and_another_leads(world: World) -> None:
    (first, store), (second, others) = world.election("m1"), world.election("m2")
    woken = threading.Event()
    second.set_wake(woken.set)
    old = first.contend("decider")
    assert old is not None
    assert second.contend("decider") is None

    end_session(world.server, store.session.client)
    assert woken.wait(BOUND)
    new = second.contend("decider")
    assert new is not None
    until(lambda: first.contend("decider") is None)
    with pytest.raises(Superseded):
        store.raise_term(old)
    with pytest.raises(Superseded):
        store.assign(old, Assignment(term=1, serial=1, holders=("m1",) * 4, since=(1,) * 4))
    assert others.raise_term(new).number == 1

    end_session(world.server, others.session.client)  # tooz and a bare Lock lead nowhere for ever after this
    until(lambda: first.contend("decider") is not None)


def test_nobody_has_a_seat_while_the_connection_is_away(world: World, wire: Proxy) -> None:
    election, _ = world.election("m1", wire.port)
    seat = election.contend("decider")
    assert seat is not None
    wire.cut()

    def contends() -> Seat | None:
        with pytest.raises(StoreUnavailable):
            election.contend("decider")
        return None

    assert taken(contends) < SESSION + 5
    wire.heal()
    until(lambda: election.contend("decider") is not None)


# fault c: a follower's turn must cost no writes, and what was cut short must not block for ever


def test_who_leads_who_waits_and_who_beats_writes_nothing(world: World) -> None:
    elections = [world.election(name)[0] for name in ("m1", "m2", "m3")]
    groups = [world.group(name) for name in ("m1", "m2", "m3")]

    def turn() -> None:
        for election in elections:
            for role in ("decider", "doctor", "reaper"):
                election.contend(role)
        for group in groups:
            group.beat()
            group.present()

    for group in groups:
        group.join()
    turn()
    before = world.written()
    for _ in range(20):
        turn()
    assert world.written() == before


@pytest.mark.parametrize("doubles", [1, 3])
def test_a_node_whose_making_was_never_answered_is_ours_and_doubles_go(world: World, doubles: int) -> None:
    store = world.store()
    election = ZookeeperElection(store.session, "m1", life="abc")
    known = store.session.client.client_id
    assert known is not None
    for _ in range(doubles):
        path = store.session.at("elections", "decider", f"m1.abc.{known[0]:x}-")
        store.session.client.create(path, b"m1", ephemeral=True, sequence=True, makepath=True)

    seat = election.contend("decider")
    assert seat is not None
    assert [seat.token] == [f"{PATH}/elections/decider/{node}" for node in world.contenders()]
    assert seat.token.endswith("-0000000000")


def test_a_node_made_for_another_session_of_ours_is_no_seat_and_goes(world: World) -> None:
    """It could end at any moment, or outlive us."""
    store = world.store()
    election = ZookeeperElection(store.session, "m1", life="abc")
    path = store.session.at("elections", "decider", "m1.abc.beef-")
    store.session.client.create(path, b"m1", ephemeral=True, sequence=True, makepath=True)

    seat = election.contend("decider")
    assert seat is not None
    assert [seat.token] == [f"{PATH}/elections/decider/{node}" for node in world.contenders()]
    assert seat.token.endswith("-0000000001")


@pytest.mark.slow
def test_a_contender_cut_off_in_the_midst_of_it_blocks_nobody(world: World) -> None:
    """The server takes the request and stops before it answers, so that nobody knows what became of it."""
    (first, _), (second, _) = world.election("m1"), world.election("m2")
    world.server.pause()
    try:
        with pytest.raises(StoreUnavailable):
            first.contend("decider")
    finally:
        world.server.resume()

    until(lambda: first.contend("decider") is not None)
    assert second.contend("decider") is None
    assert len(world.contenders()) == 2
    first.resign("decider")
    assert second.contend("decider") is not None


def test_a_lock_node_that_was_taken_away_is_no_seat_any_more(world: World) -> None:
    election, store = world.election("m1")
    seat = election.contend("decider")
    assert seat is not None
    with world.server.superuser() as client:
        client.delete(seat.token)

    with pytest.raises(Superseded):
        store.raise_term(seat)
    fresh = election.contend("decider")
    assert fresh is not None
    assert fresh.token != seat.token


def test_a_term_that_was_meddled_with_leaves_no_role_without_a_leader(world: World) -> None:
    """The store refuses the leader, and its lock node is still the lowest."""
    election, store = world.election("m1")
    leadership = Leadership(election, store, "m1", SESSION, lambda: Moment.of(SYSTEM_CLOCK))
    leadership.contend()
    term, seat = leadership.term("reaper"), leadership.seat("reaper")
    assert term is not None
    assert seat is not None
    with world.server.superuser() as client:
        client.set(store.session.at("terms", "reaper"), b"by hand")
    with pytest.raises(Superseded) as refused:
        store.note_strays(term, [], [])
    leadership.stand_down(seat, refused.value)

    for _ in range(2):
        leadership.contend()
    fresh = leadership.term("reaper")
    assert fresh is not None
    assert fresh.number > term.number
    store.note_strays(fresh, [], [])


@pytest.mark.parametrize("in_the_midst", [False, True])
def test_a_resignation_that_failed_can_be_asked_for_again(world: World, wire: Proxy, in_the_midst: bool) -> None:
    store, (second, _) = world.store(wire.port, session=20.0), world.election("m2")
    first = ZookeeperElection(store.session, "m1")
    assert first.contend("decider") is not None
    assert second.contend("decider") is None
    if in_the_midst:
        wire.stall()
        threading.Timer(0.3, wire.cut).start()
    else:
        wire.cut()
        until(lambda: not store.session.is_connected)
    with pytest.raises(StoreUnavailable):
        first.resign("decider")
    until(lambda: not store.session.is_connected)
    wire.heal()
    until(lambda: first.resign("decider") is None)
    assert second.contend("decider") is not None


def test_who_waits_is_told_when_the_one_before_it_goes_and_only_then(world: World) -> None:
    (first, _), (second, _), (third, _) = (world.election(name) for name in ("m1", "m2", "m3"))
    rung = {"m2": threading.Event(), "m3": threading.Event()}
    for name, election in (("m2", second), ("m3", third)):
        election.set_wake(rung[name].set)
    for election in (first, second, third):
        election.contend("decider")

    first.resign("decider")
    assert rung["m2"].wait(BOUND)
    assert second.contend("decider") is not None
    assert not rung["m3"].is_set()
    second.resign("decider")
    assert rung["m3"].wait(BOUND)


# fault f: seconds are not rounded; a failure in one place does not stop the rest


def test_a_session_is_as_long_as_it_is_said_to_be(world: World) -> None:
    world.group("m1", session=1.4).join()
    assert "to=1400," in world.server.says("cons")


def test_a_group_that_is_cut_off_costs_nobody_its_role(world: World, wire: Proxy) -> None:
    """The group is cut off; the election, on its own session, goes on."""
    group, (election, _) = world.group("m1", wire.port), world.election("m1")
    group.join()
    seat = election.contend("decider")
    wire.cut()
    assert taken(group.beat) < SESSION + 1
    assert election.contend("decider") == seat


# fault g: members that go while we look


@pytest.mark.slow
def test_members_that_come_and_go_while_we_look_disturb_nobody(world: World) -> None:
    group = world.group("m1")
    group.join()
    over = threading.Event()
    restless = ZookeeperDriver(world.url(), "elastic", b"m2", SESSION)
    restless.start()
    times = [0]

    def come_and_go() -> None:
        while not over.is_set():
            restless.join_group(b"members", {}).get()
            restless.leave_group(b"members").get()
            times[0] += 1

    thread = threading.Thread(target=come_and_go, daemon=True)
    thread.start()
    seen: set[str] = set()
    began = time.monotonic()
    while len(seen) < 2 or times[0] < 50 or time.monotonic() - began < 1:
        present = set(group.present())
        world.drivers["m1"].get_members_with_capabilities(b"members").get()
        assert "m1" in present
        seen |= present
    over.set()
    thread.join()
    restless.stop()
    assert seen == {"m1", "m2"}


# what others see beside the name


def test_weight_and_release_go_along_and_follow_what_is_told(world: World) -> None:
    group = world.group("m1")
    group.join()

    def seen() -> object:
        return world.drivers["m1"].get_members_with_capabilities(b"members").get()[b"m1"]

    assert seen() == {"release": "9"}
    group.tell({"weight": 0.0})
    group.beat()
    assert seen() == {"release": "9", "weight": 0.0}
    before = world.written()
    group.beat()
    assert world.written() == before

    end_session(world.server, world.drivers["m1"].client)
    until(lambda: group.beat() is None)
    assert seen() == {"release": "9", "weight": 0.0}


# who may do what


def test_each_node_down_to_the_members_is_ours_alone(world: World) -> None:
    world.group("m1").join()  # first: what lies above it is made by the group's own session
    election, store = world.election("m1")
    election.contend("decider")
    MemberName(store.session, "m1", SYSTEM_CLOCK, SESSION).take()

    with world.server.superuser() as client:
        paths = ["/there"]
        for path in paths:
            paths += [f"{path}/{name}" for name in client.get_children(path)]
            acls, _ = client.get_acls(path)
            assert [(acl.id.scheme, acl.id.id.partition(":")[0]) for acl in acls] == [("digest", "elastic")], path
    assert {f"{PATH}/group/members/m1", f"{PATH}/names/m1"} <= set(paths)


def test_a_group_speaks_tls_and_believes_no_stranger(zookeeper_installed: None, tmp_path: Path) -> None:
    ours, strange = make_certificates(tmp_path / "ours"), make_certificates(tmp_path / "strange")
    with running(ZooKeeper(tmp_path / "server", tls=ours)) as server:
        url = f"zookeeper://ann:word@{server.hosts}/there"

        def made(certificates: Path, host: str = "127.0.0.1") -> ToozGroup:
            place = f"{url.replace('127.0.0.1', host)}?ca_file={quote(str(certificates))}"
            return ToozGroup(
                place,
                "members",
                "m1",
                {},
                SYSTEM_CLOCK,
                SESSION,
                connect=partial(ZookeeperDriver, place, "elastic"),
            )

        group = made(ours.ca_file)
        group.join()
        assert set(group.present()) == {"m1"}
        group.leave()
        for certificates, host in ((strange.ca_file, "127.0.0.1"), (ours.ca_file, "127.0.0.2")):
            other = made(certificates, host)
            with pytest.raises(StoreUnavailable):
                other.join()
            with suppress(StoreUnavailable):
                other.leave()
        assert client_options(ours)["check_hostname"]


def test_an_address_that_is_none_is_refused_by_its_option() -> None:
    with pytest.raises(BadRequest, match=r"\[coordination\] backend_url: .*use_ssl") as refused:
        address_of("zookeeper://ann:hunter2@h:1/?use_ssl=1")
    assert "hunter2" not in str(refused.value)


# names


def test_a_name_is_held_by_one_and_the_others_wait_and_are_refused(world: World) -> None:
    clock = HandClock()
    first, second = world.name("m1"), world.name("m1", clock)
    first.take()
    with pytest.raises(StoreUnavailable, match="process 7 on 'here'"):
        second.take()
    clock.advance(SESSION + MARGIN - 0.1)
    with pytest.raises(StoreUnavailable):
        second.take()
    clock.advance(0.1)
    with pytest.raises(Conflict, match="a replica called m1 is running already: process 7 on 'here'"):
        second.take()
    first.take()


def test_a_name_is_free_when_the_session_of_its_holder_is_over(world: World) -> None:
    first = world.store()
    MemberName(first.session, "m1", SYSTEM_CLOCK, SESSION).take()
    second = world.name("m1", HandClock())
    with pytest.raises(StoreUnavailable):
        second.take()
    first.close()
    second.take()


def test_one_whose_own_session_was_over_takes_its_name_back(world: World) -> None:
    store = world.store()
    name = MemberName(store.session, "m1", SYSTEM_CLOCK, SESSION)
    name.take()
    end_session(world.server, store.session.client)
    until(lambda: name.take() is None)
    with pytest.raises(StoreUnavailable):
        world.name("m1", HandClock()).take()


def test_a_name_that_hangs_on_another_session_of_ours_is_taken_anew(world: World) -> None:
    name = world.name("m1")
    name.take()
    with world.server.superuser() as client:
        kept, _ = client.get(f"{PATH}/names/m1")
        client.set(f"{PATH}/names/m1", json.dumps({**json.loads(kept), "session": "beef"}).encode())
        name.take()
        assert client.get(f"{PATH}/names/m1")[0] == kept


def test_one_whose_name_was_taken_meanwhile_is_told_at_once(world: World) -> None:
    store = world.store()
    group = NamedGroup(world.group("m1"), MemberName(store.session, "m1", HandClock(), SESSION))
    group.join()
    end_session(world.server, store.session.client)
    world.name("m1").take()
    until(lambda: store.session.is_connected)
    with pytest.raises(Conflict):
        until(lambda: group.beat() is None)


def test_a_name_is_free_at_once_when_its_holder_leaves(world: World) -> None:
    group = NamedGroup(world.group("m1"), world.name("m1"))
    group.join()
    group.leave()
    world.name("m1").take()


def test_a_replica_on_zookeeper_holds_its_name_and_its_roles_there(world: World, tmp_path: Path) -> None:
    """As a configuration has it made, with nothing said of a backend: the group follows the store."""
    config = embedded.write(tmp_path)
    text = re.sub(r"(?m)^backend_url = .*$", "", config.read_text())
    config.write_text(re.sub(r"(?m)^url = sqlite:///.*$", f"url = {world.url()}", text))
    planted = plant(Settings.of(settings.load([str(config)], member="m1"))).claimed()
    parts = planted.parts
    parts.group.join()
    assert set(parts.group.present()) == {"m1"}
    seat = parts.election.contend("decider")
    assert seat is not None
    assert parts.store.raise_term(seat).number == 1

    second = plant(Settings.of(settings.load([str(config)], member="m1")))
    with pytest.raises(StoreUnavailable, match="the name m1 is held by process"):
        second.claimed()
    parts.group.leave()
    parts.election.resign("decider")
    second.claimed()
    for store in (parts.store, second.parts.store):
        assert isinstance(store, ZookeeperStore)
        store.close()


# no call hangs, and all stops, in every state


def away(world: World, wire: Proxy, state: str) -> tuple[Group, Election, Session]:
    """What a member has of the cluster, in `state`."""
    group, (election, store) = world.group("m1", wire.port), world.election("m1", wire.port)
    if state != "never there":
        group.join()
    election.contend("decider")
    match state:
        case "cut" | "never there":
            wire.cut()
        case "stalled":
            wire.stall()
        case "expired":
            end_session(world.server, world.drivers["m1"].client)
            end_session(world.server, store.session.client)
        case "its start hangs":
            wire.cut()
            group = world.group("m2", wire.port)
            threading.Thread(target=partial(taken, group.join), daemon=True).start()
            until(lambda: "m2" in world.drivers)
    return group, election, store.session


STATES = ("connected", "never there", "cut", "stalled", "expired", "its start hangs")


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
def test_no_call_is_waited_for_longer_than_its_bound(world: World, wire: Proxy, state: str) -> None:
    group, election, _ = away(world, wire, state)
    for call in (group.beat, group.present, group.beat, partial(election.contend, "decider")):
        assert taken(call) < SESSION + 4


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
def test_all_stops_within_two_seconds(world: World, wire: Proxy, state: str) -> None:
    group, election, session = away(world, wire, state)
    assert taken(partial(election.resign, "decider")) < 2
    assert taken(group.leave) < 2
    assert taken(session.close) < 2.2


def test_who_has_left_is_not_brought_back_by_what_was_under_way(world: World, wire: Proxy) -> None:
    wire.cut()
    group = world.group("m1", wire.port)
    joining = threading.Thread(target=partial(taken, group.join))
    joining.start()
    until(lambda: "m1" in world.drivers)
    with suppress(StoreUnavailable):
        group.leave()
    until(lambda: world.drivers["m1"].has_ended)
    wire.heal()
    joining.join()
    watcher = world.group("m2")
    watcher.join()
    assert set(watcher.present()) == {"m2"}
