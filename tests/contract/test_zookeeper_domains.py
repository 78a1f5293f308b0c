"""What ZooKeeper's domains cost, what they look like with zkCli, and what they do when the connection fails."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore, journal, keys
from elastic.adapters.store.zookeeper.asks import Create, Op, Set
from elastic.adapters.store.zookeeper.transaction import Unsure
from elastic.errors import (
    BadMessage,
    BadRequest,
    Conflict,
    NotFound,
    OutcomeUnknown,
    Stale,
    StoreUnavailable,
    Superseded,
)
from elastic.model.assignment import Assignment, Tenure
from elastic.model.decision import Decision, Event
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.states import Health, InstanceState
from elastic.model.view import Standing, View
from elastic.ports.store import Change, Commit, Request
from elastic.roles.mirror import Mirror
from elastic.rules.ring import partition_of, slot_of
from tests.contract.clocks import HandClock
from tests.contract.listening import following, heard, until
from tests.contract.records import KEY, domain, instance
from tests.servers.proxy import Proxy
from tests.servers.sessions import expire
from tests.servers.zookeeper import ZooKeeper

pytestmark = pytest.mark.functional

PARTITIONS = 4
OTHER = DomainKey("ooi", "other")
Open = Callable[[], ZookeeperStore]


@pytest.fixture
def proxy(zookeeper: ZooKeeper) -> Iterator[Proxy]:
    with Proxy(zookeeper.port) as proxy:
        yield proxy


@pytest.fixture
def opened(zookeeper_root: str, proxy: Proxy, clock: HandClock) -> Iterator[Open]:
    """Another handle, each time it is called. All of them are behind the proxy."""
    handles: list[ZookeeperStore] = []
    place = StorePlace(
        f"zookeeper://127.0.0.1:{proxy.port}{zookeeper_root}", PARTITIONS, "here", 30.0, insecure=True
    )

    def another() -> ZookeeperStore:
        handles.append(ZookeeperStore.at(place, clock))
        return handles[-1]

    yield another
    for handle in handles:
        handle.close()


@pytest.fixture
def store(opened: Open) -> ZookeeperStore:
    """One that follows everything."""
    store = opened()
    following(store)
    return store


@pytest.fixture
def fence(store: ZookeeperStore) -> Tenure:
    return assign(store, serial=1)


@pytest.fixture
def peopled(store: ZookeeperStore, fence: Tenure) -> View:
    store.add_domain(domain())
    return store.commit(store.view(KEY), fence, Commit(id="first", added=[instance("i1"), instance("i2")]))


def assign(store: ZookeeperStore, serial: int) -> Tenure:
    table = Assignment(term=1, serial=serial, holders=("m1",) * PARTITIONS, since=(1,) * PARTITIONS)
    store.session.transact([Set(store.session.at("assignment"), codec.encode(table), serial - 1)])
    return Tenure(home(KEY), "m1", 1, serial)


def home(key: DomainKey) -> int:
    return partition_of(slot_of(key), PARTITIONS)


def paused(domain: Domain) -> Domain:
    return replace(domain, paused=not domain.paused)


def started(instance: Instance) -> Instance:
    return replace(instance, state=InstanceState.STARTED)


def counted(instance: Instance) -> Instance:
    return replace(instance, extravars={"n": instance.extravars.get("n", 0) + 1})


def forgotten(_: Instance) -> None:
    return None


def requests(store: ZookeeperStore) -> int:
    """That this handle has sent on this connection."""
    return int(store.session.client._connection._xid)


@contextmanager
def costs(store: ZookeeperStore, number: int) -> Iterator[None]:
    before = requests(store)
    yield
    assert requests(store) - before == number


class TestCost:
    def test_a_commit_is_one_request(self, store: ZookeeperStore, peopled: View, fence: Tenure) -> None:
        store.log([Event(time=1, kind="health")])  # the first of each 64 pages costs a look at the old ones
        with costs(store, 1):
            view = store.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(started)}))
        with costs(store, 1):
            view = store.commit(view, fence, Commit(id="c2", decides=True, added=[instance("i3")]))
        with costs(store, 1):
            store.commit(view, fence, Commit(id="c3", events=[Event(time=1, kind="health")]))

    def test_its_decision_record_costs_one_look_more(
        self, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        decision = Decision(time=1.0, member="m1", term=1)
        for number in range(2):
            with costs(store, 3):  # sync, get, multi
                commit = Commit(id=f"c{number}", decides=True, decision=decision)
                peopled = store.commit(peopled, fence, commit)

    def test_what_is_known_is_not_read_again(self, store: ZookeeperStore, peopled: View) -> None:
        store.add_domain(domain(OTHER))
        before = dict(store.views([KEY, OTHER]))
        with costs(store, 1 + 2 * 2):  # sync, and two versions a domain
            after = dict(store.views([KEY, OTHER]))
        assert [after[key] is before[key] for key in (KEY, OTHER)] == [True, True]
        assert after[KEY] is peopled

    def test_while_nothing_happens_news_cost_nothing(
        self, opened: Open, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        cursor = store.news(heard(store, 0, {KEY}).cursor).cursor
        store.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(started)}))
        opened().add_entry("type", "worker", {})
        with costs(store, 0):
            for _ in range(100):
                assert store.news(cursor).keys == frozenset()

    def test_what_is_followed_no_longer_costs_nothing_when_it_changes(
        self, opened: Open, store: ZookeeperStore, peopled: View
    ) -> None:
        heard(store, 0, {KEY})
        store.follow([n for n in range(PARTITIONS) if n != home(KEY)])
        cursor, writer = store.news(0).cursor, opened()
        writer.change(KEY, paused)
        writer.add_domain(domain(next(neighbours(KEY))))
        store.session.get(store.session.at())  # the watches rang before this was answered
        with costs(store, 0):
            assert store.news(cursor).keys == frozenset()

    def test_a_partition_that_comes_and_goes_leaves_no_watches_behind(
        self, opened: Open, store: ZookeeperStore, peopled: View
    ) -> None:
        for _ in range(5):
            store.follow([])
            following(store)
            assert store.domains_of([home(KEY)]) == [KEY]
            assert dict(store.views([KEY]))[KEY] == peopled
        client = store.session.client
        watching = [*client._data_watchers.values(), *client._child_watchers.values()]
        assert max(len(watchers) for watchers in watching) == 1

        cursor, writer = store.news(0).cursor, opened()
        writer.change(KEY, paused)
        assert heard(store, cursor, {KEY}).keys == {KEY}
        assert store.view(KEY).domain.paused
        writer.add_domain(domain(key := next(neighbours(KEY))))
        assert heard(store, cursor, {KEY, key}).keys == {KEY, key}

    def test_of_a_domain_that_is_gone_nothing_is_remembered(
        self, opened: Open, store: ZookeeperStore, fence: Tenure
    ) -> None:
        other = opened()
        other.add_domain(domain())
        cursor = heard(store, 0, {KEY}).cursor
        other.change(KEY, lambda d: replace(d, removed=True))
        other.forget_domain(store.view(KEY), fence)
        until(lambda: (store.news(cursor), store._book.recall(KEY)), lambda seen: seen[1] is None)
        path = f"{store.session.at('partitions', f'{home(KEY):03d}')}/{KEY.owner}:{KEY.name}:1"
        until(lambda: store._book.is_watched(path, store.session.losses), lambda watched: not watched)

    def test_what_was_added_while_its_partition_was_not_followed_is_told_afterwards(
        self, opened: Open, store: ZookeeperStore, peopled: View
    ) -> None:
        store.news(heard(store, 0, {KEY}).cursor)
        store.follow([])
        cursor = store.news(0).cursor
        following(store)
        assert heard(store, cursor, {KEY}).keys == {KEY}


def neighbours(key: DomainKey) -> Iterator[DomainKey]:
    """Others in its partition."""
    return (other for n in count() if home(other := DomainKey("ann", f"d{n}")) == home(key))


def value(store: ZookeeperStore, path: str) -> Any:
    """What somebody sees who looks at it with zkCli."""
    found = store.session.get(path)
    assert found is not None
    said = json.loads(found.data)
    assert said["format"] == 1
    return said["value"]


class TestLayout:
    def test_it_can_be_read_with_zkcli(self, store: ZookeeperStore, fence: Tenure) -> None:
        key = DomainKey("a:b.c", "x/y_z")
        folder = store.session.at("partitions", f"{home(key):03d}")
        store.add_domain(domain(key), Request("key:1", {"ok": True}, 1e12))
        tenure = replace(fence, partition=home(key))
        records = [instance(f"i{n}") for n in range(70)]
        decision = Decision(time=1.0, member="m1", term=1, reason="seventy short")
        store.commit(store.view(key), tenure, Commit(id="c1", decides=True, added=records, decision=decision))

        assert store.session.children(folder) == (".keys", "a%3Ab.c:x%2Fy_z:1")
        assert value(store, folder) == 1
        path = f"{folder}/a%3Ab.c:x%2Fy_z:1"
        assert store.session.children(path) == ("d", "i0", "i1")
        assert value(store, path)["general"] == {"engine": "simplest"}
        head = value(store, f"{path}/i0")
        assert (head["commit"], head["decisions"], head["buckets"]) == ("c1", 1, ["i0", "i1"])
        assert [i["instance_id"] for i in head["instances"]] == [f"i{n}" for n in range(64)]
        assert [i["instance_id"] for i in value(store, f"{path}/i1")] == [f"i{n}" for n in range(64, 70)]
        assert [d["reason"] for d in value(store, f"{path}/d")] == ["seventy short"]
        kept = [
            value(store, f"{store.session.at('partitions')}/{n:03d}/.keys/{name}")
            for n in range(PARTITIONS)
            for name in store.session.children(store.session.at("partitions", f"{n:03d}", ".keys"))
        ]
        assert kept == [{"key": "key:1", "keep_until": 1e12, "answer": {"ok": True}}]

    def test_one_that_cannot_be_understood_harms_only_itself(self, store: ZookeeperStore, peopled: View) -> None:
        for name, part, data in (
            ("body", "", b"{"),
            ("newer", "", b'{"format":99,"value":{}}'),
            ("i0", "/i0", b""),
        ):
            key = DomainKey("bad", name)
            made = store.add_domain(domain(key))
            node = f"bad:{name}:{made.incarnation}{part}"
            store.session.transact([Set(store.session.at("partitions", f"{home(key):03d}", node), data)])
        seen = dict(store.views([*store.all_domains()]))
        assert {key.name for key, sight in seen.items() if isinstance(sight, BadMessage)} == {
            "body",
            "newer",
            "i0",
        }
        assert seen[KEY] == peopled
        with pytest.raises(BadMessage):
            store.view(DomainKey("bad", "newer"))

    def test_what_is_too_large_is_refused_before_it_is_sent(self, store: ZookeeperStore, peopled: View) -> None:
        large = "x" * 600_000
        with costs(store, 0), pytest.raises(BadRequest):
            store.add_entry("definition", "large", {"a": large})
        for mutate in (
            lambda: store.add_domain(domain(OTHER, general={"a": large})),
            lambda: store.change(KEY, lambda d: replace(d, general={"a": large})),
            lambda: store.change(KEY, paused, Request("k", large, 1e12)),
            lambda: store.change(
                KEY, lambda d: replace(d, general={"a": large[:300_000]}), Request("k", large[:300_000], 1e12)
            ),
        ):
            with pytest.raises(BadRequest):
                mutate()
        assert store.session.losses == 0
        assert (store.view(KEY), store.answered("k")) == (peopled, (False, None))

    def test_the_decisions_that_fit_are_kept(self, store: ZookeeperStore, peopled: View, fence: Tenure) -> None:
        view = peopled
        for number in range(8):
            decision = Decision(time=1.0, member="m1", term=1, reason=f"{number}" * 60_000)
            view = store.commit(view, fence, Commit(id=f"c{number}", decides=True, decision=decision))
        assert [d.reason[0] for d in store.decisions(KEY)] == ["4", "5", "6", "7"]

    def test_a_page_of_events_that_cannot_be_understood_is_left_out(self, store: ZookeeperStore) -> None:
        said = [Event(time=float(n), kind="health") for n in range(2)]
        store.log(said[:1])
        page = Create(store.session.at("events", ""), b'{"format":99,"value":{}}', sequence=True)
        store.session.transact([page])
        store.log(said[1:])
        assert [event.time for event in store.events()] == [0.0, 1.0]

    def test_the_newest_thousand_pages_of_events_stay_and_older_ones_go(self, store: ZookeeperStore) -> None:
        folder = store.session.at("events")
        page = Create(
            f"{folder}/", codec.encode(journal.Page("", (Event(time=1.0, kind="health"),))), sequence=True
        )
        for _ in range(6):
            store.session.transact([page] * 200)
        for _ in range(2 * journal.PRUNED_EVERY):
            store.log([Event(time=2.0, kind="health")])
        numbers = [int(name) for name in store.session.children(folder)]
        assert numbers == list(range(numbers[0], 1200 + 2 * journal.PRUNED_EVERY))
        assert 1000 <= len(numbers) < 1000 + journal.PRUNED_EVERY


Meanwhile = Callable[[ZookeeperStore, str, Callable[[], Any]], None]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Have something done just before that handle's session does the next thing of that name."""

    def arrange(store: ZookeeperStore, name: str, deed: Callable[[], Any]) -> None:
        inner = getattr(store.session, name)

        def once(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(store.session, name, inner)
            deed()
            return inner(*args, **kwargs)

        monkeypatch.setattr(store.session, name, once)

    return arrange


class TestWithOthers:
    def test_a_clients_change_refuses_a_decision_and_nothing_else(
        self, opened: Open, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        opened().change(KEY, paused)
        with pytest.raises(Stale):
            store.commit(peopled, fence, Commit(id="c1", decides=True, added=[instance("i3")]))

        opened().change(KEY, paused)
        after = store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(started)}))
        assert (after.domain.revision, after.counter) == (3, 2)
        assert after == opened().view(KEY)

    def test_what_another_owner_wrote_in_between_is_seen(
        self, opened: Open, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        opened().commit(peopled, fence, Commit(id="c1", changes={"i1": Change(counted)}, added=[instance("i3")]))
        after = store.commit(peopled, fence, Commit(id="c2", changes={"i1": Change(counted)}))
        assert (after.instances[0].extravars, len(after.instances)) == ({"n": 2}, 3)
        with pytest.raises(Conflict):
            store.commit(peopled, fence, Commit(id="c3", added=[instance("i3")]))

    def test_what_memory_alone_would_refuse_is_looked_at_again(
        self, opened: Open, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        newer = opened().commit(peopled, fence, Commit(id="c1", decides=True, added=[instance("i3")]))
        after = store.commit(newer, fence, Commit(id="c2", decides=True, changes={"i3": Change(counted)}))
        assert after == opened().view(KEY)
        assert after.instances[2].extravars == {"n": 1}

    def test_a_new_assignment_refuses_what_is_made_from_memory(
        self, opened: Open, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        newer = assign(store, serial=2)
        with pytest.raises(Superseded):
            store.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(counted)}))
        assert opened().view(KEY) == peopled
        assert store.commit(peopled, newer, Commit(id="c1", changes={"i1": Change(counted)})) != peopled

    @pytest.mark.parametrize("remembers", [True, False])
    def test_a_new_assignment_refuses_what_was_just_looked_at(
        self,
        opened: Open,
        store: ZookeeperStore,
        peopled: View,
        fence: Tenure,
        meanwhile: Meanwhile,
        remembers: bool,
    ) -> None:
        writer = store if remembers else opened()
        meanwhile(writer, "transact", lambda: assign(store, serial=2))
        with pytest.raises(Superseded):
            writer.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(counted)}))
        assert opened().view(KEY) == peopled

    def test_a_domain_that_is_not_empty_any_more_is_not_forgotten(
        self, opened: Open, store: ZookeeperStore, fence: Tenure, meanwhile: Meanwhile
    ) -> None:
        store.add_domain(domain())
        store.change(KEY, lambda d: replace(d, removed=True))
        view, other = store.view(KEY), opened()
        late = Commit(id="late", added=[instance("i1")])
        meanwhile(store, "transact", lambda: other.commit(view, fence, late))
        with pytest.raises(Stale):
            store.forget_domain(view, fence)
        assert len(store.view(KEY).instances) == 1

    def test_a_new_assignment_lets_nobody_forget_a_domain(
        self, opened: Open, store: ZookeeperStore, fence: Tenure, meanwhile: Meanwhile
    ) -> None:
        store.add_domain(domain())
        store.change(KEY, lambda d: replace(d, removed=True))
        view = store.view(KEY)
        meanwhile(store, "transact", lambda: assign(store, serial=2))
        with pytest.raises(Superseded):
            store.forget_domain(view, fence)
        assert opened().view(KEY) == view

    def test_of_two_that_add_one_domain_one_is_refused(
        self, opened: Open, store: ZookeeperStore, meanwhile: Meanwhile
    ) -> None:
        other = opened()
        meanwhile(store, "transact", lambda: other.add_domain(domain(engine_conf={"preserve_n": 9})))
        with pytest.raises(Conflict):
            store.add_domain(domain())
        assert store.view(KEY).domain.engine_conf == {"preserve_n": 9}
        assert len(store.domains(home(KEY))) == store.incarnation(home(KEY)) == 1

    def test_a_domain_that_is_written_to_while_it_is_read_is_seen_whole(
        self, opened: Open, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        view = store.commit(peopled, fence, Commit(id="c1", added=[instance(f"x{n}") for n in range(200)]))
        everyone = {i.instance_id: Change(counted) for i in view.instances}
        reader = opened()
        look = reader.session.read

        def between() -> None:
            """After the list and the heads, before the buckets."""
            store.commit(view, fence, Commit(id="c2", changes=everyone))

        calls = iter([lambda: None, lambda: None, between])

        def read(*args: Any, **kwargs: Any) -> Any:
            next(calls, lambda: None)()
            return look(*args, **kwargs)

        reader.session.read = read  # type: ignore[method-assign]
        seen = reader.view(KEY)
        assert next(calls, None) is None
        assert seen == store.view(KEY)
        assert {i.version for i in seen.instances} == {2}

    def test_of_many_that_write_at_once_nobody_loses_anything(
        self, opened: Open, store: ZookeeperStore, peopled: View, fence: Tenure
    ) -> None:
        def work(handle: ZookeeperStore, name: str, n: int) -> None:
            tag = f"{name}{n}"
            commit = Commit(id=tag, changes={"i1": Change(counted)}, added=[instance(tag)])
            again(lambda: handle.add_domain(domain(DomainKey(name, f"d{n}"))))
            again(lambda: handle.change(KEY, lambda d: replace(d, protected=(*d.protected, tag))))
            again(lambda: handle.commit(peopled, fence, commit))

        def ten(handle: ZookeeperStore, name: str) -> None:
            for n in range(10):
                work(handle, name, n)

        handles = {name: opened() for name in "abc"}
        together([partial(ten, handle, name) for name, handle in handles.items()])
        view = store.view(KEY)
        wanted = {f"{name}{n}" for name in "abc" for n in range(10)}
        assert set(view.domain.protected) == wanted
        assert {i.instance_id for i in view.instances} == {"i1", "i2", *wanted}
        assert view.instances[0].extravars == {"n": 30}
        made = [store.view(key).domain for key in store.all_domains()]
        assert len(made) == 31
        for partition in range(PARTITIONS):
            numbers = sorted(d.incarnation for d in made if home(d.key) == partition)
            assert numbers == list(range(1, store.incarnation(partition) + 1))


def again(work: Callable[[], Any]) -> Any:
    """As its caller would: others were faster too often."""
    for _ in range(100):
        try:
            return work()
        except StoreUnavailable:
            continue
    raise AssertionError("never my turn")


def together(works: Sequence[Callable[[], None]]) -> None:
    faults: list[BaseException] = []

    def caught(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=caught, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


class TestKeys:
    def test_those_whose_time_is_over_go_while_others_write(self, store: ZookeeperStore, clock: HandClock) -> None:
        names = (f"k{n}" for n in count())
        for _ in range(12):
            store.add_entry("type", f"t{next(names)}", {}, Request(next(names), 1, clock.now() + 60))
        assert len(kept_keys(store)) == 12
        clock.advance(61)
        later = (Request(f"later{n}", 1, clock.now() + 1e6) for n in count())
        for made, request in enumerate(later, 1):
            store.add_entry("type", request.key, {}, request)
            clock.advance(keys.TIDY_SECONDS)
            if len(kept_keys(store)) == made:
                break
            assert made < 200
        assert all(name.startswith("later") for name in kept_keys(store))

    def test_one_that_cannot_be_understood_keeps_no_other_from_going(
        self, store: ZookeeperStore, clock: HandClock
    ) -> None:
        folder = store.session.at("partitions", "000", ".keys")
        over = codec.encode(keys.Kept("over", clock.now() - 1))
        store.session.transact(
            [Create(f"{folder}/!newer", b'{"format":99,"value":{}}'), Create(f"{folder}/over", over)]
        )
        for number in range(40):
            store.add_entry("type", f"t{number}", {}, Request(f"k{number}", 1, clock.now() + 1e6))
            clock.advance(keys.TIDY_SECONDS)
        there = store.session.children(folder)
        assert ("!newer" in there, "over" in there) == (True, False)

    def test_one_that_is_over_can_be_used_again(self, store: ZookeeperStore, clock: HandClock) -> None:
        store.add_domain(domain(), Request("k", 1, clock.now() + 60))
        clock.advance(61)
        assert store.answered("k") == (False, None)
        store.change(KEY, paused, Request("k", 2, clock.now() + 60))
        assert store.answered("k") == (True, 2)

    @pytest.mark.parametrize("key", ["", ".", "..", "/", "a/b", "%", "x" * 5000, "\0", "\u202e\U0001f9a8"])
    def test_any_text_is_one(self, store: ZookeeperStore, key: str) -> None:
        store.add_domain(domain(), Request(key, 1, 1e12))
        assert store.answered(key) == (True, 1)
        assert store.answered(key + "x") == (False, None)


def kept_keys(store: ZookeeperStore) -> list[str]:
    folders = [store.session.at("partitions", f"{n:03d}", ".keys") for n in range(PARTITIONS)]
    return [name for folder in folders for name in store.session.children(folder)]


class TestLostConnections:
    @pytest.mark.parametrize("ends", [False, True], ids=["the connection", "the session"])
    def test_everything_is_to_be_looked_at_once_and_then_news_come_again(
        self, opened: Open, store: ZookeeperStore, peopled: View, zookeeper: ZooKeeper, proxy: Proxy, ends: bool
    ) -> None:
        store.add_domain(domain(OTHER))
        before = dict(store.views([KEY, OTHER]))
        cursor = heard(store, 0, {KEY, OTHER}).cursor
        losses, old = store.session.losses, store.session.client.client_id
        if ends:
            assert old is not None
            expire(zookeeper.hosts, old)
        proxy.drop()
        until(lambda: store.session.losses, lambda losses_now: losses_now > losses)
        until(lambda: store.session.is_connected, bool)
        assert (store.session.client.client_id != old) == ends

        news = until(lambda: store.news(cursor), lambda news: news.keys is None)
        writer = opened()
        changed = writer.change(OTHER, paused)
        writer.add_domain(domain(DomainKey("ann", "late")))
        listed = store.domains_of(range(PARTITIONS))
        assert sorted(listed) == sorted([KEY, OTHER, DomainKey("ann", "late")])
        after = dict(store.views(listed))
        assert after[KEY] is before[KEY]
        assert after[OTHER] == replace(before[OTHER], domain=changed, counter=1)

        cursor = until(lambda: store.news(news.cursor), lambda news: news.keys is not None).cursor
        with costs(store, 0):
            assert store.news(cursor).keys == frozenset()
        writer.change(KEY, paused)
        assert heard(store, cursor, {KEY}).keys == {KEY}
        cursor = store.news(cursor).cursor
        writer.add_domain(domain(DomainKey("ann", "later")))
        assert heard(store, cursor, {DomainKey("ann", "later")}).keys

    def test_news_are_not_lost_while_it_is_away(
        self, opened: Open, store: ZookeeperStore, peopled: View, proxy: Proxy
    ) -> None:
        cursor = heard(store, 0, {KEY}).cursor
        proxy.cut()
        until(lambda: store.session.is_connected, lambda connected: not connected)
        assert store.news(cursor).keys is None
        with pytest.raises(StoreUnavailable):
            store.domains_of([0])
        proxy.heal()
        until(lambda: store.session.is_connected, bool)
        assert store.news(cursor).keys is None
        assert store.domains_of(range(PARTITIONS)) == [KEY]


Cut = Callable[[ZookeeperStore, bool], None]


@pytest.fixture
def reply_lost(monkeypatch: pytest.MonkeyPatch) -> Cut:
    """The next transaction of that handle gets no answer, whether it is done or not."""

    def lose(store: ZookeeperStore, done: bool) -> None:
        transact = store.session.transact

        def once(ops: Sequence[Op]) -> list[Any]:
            monkeypatch.setattr(store.session, "transact", transact)
            if done:
                transact(ops)
            raise Unsure("no answer", until=0.0)

        monkeypatch.setattr(store.session, "transact", once)

    return lose


class TestLostReplies:
    @pytest.mark.hazard("F15")
    def test_of_a_commit(self, store: ZookeeperStore, peopled: View, fence: Tenure, reply_lost: Cut) -> None:
        commit = Commit(id="c1", decides=True, changes={"i1": Change(counted)}, added=[instance("i3")])
        reply_lost(store, False)
        with pytest.raises(StoreUnavailable):
            store.commit(peopled, fence, commit)
        assert store.view(KEY) == peopled

        reply_lost(store, True)
        after = store.commit(peopled, fence, commit)
        assert after == store.view(KEY) == store.commit(peopled, fence, commit)
        assert (after.instances[0].extravars, len(after.instances), after.counter) == ({"n": 1}, 3, 1)

    @pytest.mark.hazard("F15")
    @pytest.mark.parametrize("request_", [None, Request("k", "answer", 1e12)], ids=["without a key", "with a key"])
    def test_of_a_new_domain(self, store: ZookeeperStore, reply_lost: Cut, request_: Request | None) -> None:
        reply_lost(store, False)
        with pytest.raises(StoreUnavailable):
            store.add_domain(domain(), request_)
        assert store.all_domains() == []

        reply_lost(store, True)
        made = store.add_domain(domain(), request_)
        assert store.view(KEY).domain == made
        assert store.incarnation(home(KEY)) == 1

    @pytest.mark.parametrize("request_", [None, Request("k", "answer", 1e12)], ids=["without a key", "with a key"])
    def test_of_a_change(
        self, store: ZookeeperStore, peopled: View, reply_lost: Cut, request_: Request | None
    ) -> None:
        reply_lost(store, False)
        with pytest.raises(StoreUnavailable):
            store.change(KEY, paused, request_)
        assert store.view(KEY) == peopled

        reply_lost(store, True)
        changed = store.change(KEY, paused, request_)
        assert store.view(KEY).domain == changed
        assert changed.revision == 2

    def test_of_a_change_that_others_have_changed_since(
        self, opened: Open, store: ZookeeperStore, peopled: View, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        transact, other = store.session.transact, opened()

        def overtaken(ops: Sequence[Op]) -> list[Any]:
            transact(ops)
            other.change(KEY, paused)
            raise Unsure("no answer", until=0.0)

        monkeypatch.setattr(store.session, "transact", overtaken)
        with pytest.raises(OutcomeUnknown):
            store.change(KEY, lambda d: replace(d, brake_cleared=1.0))

    @pytest.mark.parametrize("done", [True, False], ids=["was done", "was not"])
    @pytest.mark.parametrize("later", [1, 2])
    def test_of_a_commit_that_others_have_followed_since(
        self,
        opened: Open,
        store: ZookeeperStore,
        peopled: View,
        fence: Tenure,
        monkeypatch: pytest.MonkeyPatch,
        done: bool,
        later: int,
    ) -> None:
        """Only where the others' first commit stands in the place of ours is it certain that ours was not made."""
        transact, other = store.session.transact, opened()
        is_certain = not done and later == 1

        def overtaken(ops: Sequence[Op]) -> list[Any]:
            monkeypatch.setattr(store.session, "transact", transact)
            if done:
                transact(ops)
            for number in range(later):
                other.commit(peopled, fence, Commit(id=f"x{number}", changes={"i2": Change(counted)}))
            raise Unsure("no answer", until=0.0)

        monkeypatch.setattr(store.session, "transact", overtaken)
        with pytest.raises(StoreUnavailable if is_certain else OutcomeUnknown):
            store.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(counted)}))
        assert store.view(KEY).instances[0].extravars == ({"n": 1} if done else {})

    def test_of_a_commit_to_a_domain_that_is_another_by_now(
        self,
        opened: Open,
        store: ZookeeperStore,
        peopled: View,
        fence: Tenure,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        transact, other = store.session.transact, opened()

        def overtaken(ops: Sequence[Op]) -> list[Any]:
            monkeypatch.setattr(store.session, "transact", transact)
            transact(ops)
            other.change(KEY, lambda d: replace(d, removed=True))
            other.forget_domain(other.view(KEY), fence)
            other.add_domain(domain())
            raise Unsure("no answer", until=0.0)

        monkeypatch.setattr(store.session, "transact", overtaken)
        gone = dict.fromkeys(["i1", "i2"], Change(forgotten))
        with pytest.raises(NotFound):
            store.commit(peopled, fence, Commit(id="c1", changes=gone))

    def test_are_read_back_behind_a_write(
        self,
        store: ZookeeperStore,
        peopled: View,
        fence: Tenure,
        reply_lost: Cut,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """In an ensemble a read alone could be older than what was sent."""
        catch_up, story = store.session.catch_up, list[str]()
        look = store.session.read

        def caught_up() -> None:
            story.append("write")
            catch_up()

        def read(*args: Any, **kwargs: Any) -> Any:
            story.append("read")
            return look(*args, **kwargs)

        monkeypatch.setattr(store.session, "catch_up", caught_up)
        monkeypatch.setattr(store.session, "read", read)
        reply_lost(store, True)
        store.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(counted)}))
        assert story[:2] == ["write", "read"]

    def test_of_the_last_word_on_a_domain(self, store: ZookeeperStore, fence: Tenure, reply_lost: Cut) -> None:
        store.add_domain(domain())
        store.change(KEY, lambda d: replace(d, removed=True))
        view = store.view(KEY)
        reply_lost(store, False)
        with pytest.raises(StoreUnavailable):
            store.forget_domain(view, fence)
        reply_lost(store, True)
        store.forget_domain(view, fence)
        with pytest.raises(NotFound):
            store.view(KEY)

    @pytest.mark.hazard("F15")
    def test_that_cannot_be_read_back_are_unknown(
        self, store: ZookeeperStore, peopled: View, fence: Tenure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        transact = store.session.transact

        def then_cut(ops: Sequence[Op]) -> list[Any]:
            transact(ops)
            proxy.cut()
            until(lambda: store.session.is_connected, lambda connected: not connected)
            raise Unsure("no answer", until=0.0)

        monkeypatch.setattr(store.session, "transact", then_cut)
        with pytest.raises(OutcomeUnknown):
            store.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(counted)}))
        monkeypatch.undo()
        proxy.heal()
        until(lambda: store.session.is_connected, bool)
        assert store.view(KEY).instances[0].extravars == {"n": 1}
        assert store.commit(peopled, fence, Commit(id="c1", changes={"i1": Change(counted)})) == store.view(KEY)
        assert store.view(KEY).instances[0].extravars == {"n": 1}


@pytest.mark.slow
def test_a_domain_of_ten_thousand_comes_up_falls_ill_shrinks_and_goes(
    opened: Open, store: ZookeeperStore, fence: Tenure, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact, sizes = store.session.transact, list[int]()

    def measured(ops: Sequence[Op]) -> list[Any]:
        answers = transact(ops)
        sizes.append(sum(len(op.path) + len(getattr(op, "data", b"")) for op in ops))
        return answers

    monkeypatch.setattr(store.session, "transact", measured)
    ids = map(str, count())
    mirror = Mirror(store, "m1", HandClock(), lambda: next(ids), lambda _: None)
    store.add_domain(domain())
    mirror.refresh()

    def now() -> View:
        view = mirror.view(KEY)
        assert view is not None
        assert view == opened().view(KEY)
        return view

    numbers = range(10_000)
    wished = [instance(f"i-0ff-1-{n}", extravars={"role": "worker", "queue": f"q{n}"}) for n in numbers]
    decision = Decision(time=1.0, member="m1", term=1, reason="ten thousand short")
    told = [Event(time=1.0, kind="scaled", domain=str(KEY))]
    mirror.commit(
        now(), decides=True, added=wished, standing=Standing(desired=10_000), decision=decision, events=told
    )
    assert [i.instance_id for i in now().instances] == [i.instance_id for i in wished]
    assert now().standing.desired == 10_000
    assert len(store.decisions(KEY)) == len(store.events()) == 1

    ill = Change(lambda i: replace(i, health=Health.MISSING, reason="silent for 120 s", errors=("one", "two")))
    mirror.commit(now(), changes={i.instance_id: ill for i in reversed(wished)})
    assert {(i.health, i.version) for i in now().instances} == {(Health.MISSING, 2)}

    mirror.commit(now(), decides=True, changes={i.instance_id: Change(forgotten) for i in wished[::2]})
    assert [i.instance_id for i in now().instances] == [i.instance_id for i in wished[1::2]]

    store.change(KEY, lambda d: replace(d, removed=True))
    mirror.reload(KEY)
    mirror.commit(now(), decides=True, changes={i.instance_id: Change(forgotten) for i in wished[1::2]})
    assert store.session.children(path_of(store, KEY)) == ("d", "i0")
    mirror.forget(now())
    assert store.all_domains() == []
    assert store.session.losses == 0
    assert 256 * 1024 < max(sizes) < 512 * 1024


def path_of(store: ZookeeperStore, key: DomainKey) -> str:
    folder = store.session.at("partitions", f"{home(key):03d}")
    [node] = [name for name in store.session.children(folder) if name.startswith(f"{key.owner}:{key.name}:")]
    return f"{folder}/{node}"
