"""Domains: what clients write, and what everybody reads."""

from collections.abc import Callable
from dataclasses import replace as with_fields
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.errors import Answered, BadRequest, Conflict, NotFound
from elastic.model.decision import Event
from elastic.model.domain import Domain, DomainKey
from elastic.model.view import Standing
from elastic.ports.store import Request, Store
from elastic.rules.ring import partition_of, slot_of
from tests.contract.clocks import HandClock
from tests.contract.listening import following, heard
from tests.contract.records import HOSTILE, KEY, domain
from tests.contract.worlds import StoreWorld

OTHER = DomainKey("ooi", "other")
REQUEST = Request("key-1", {"ok": True}, keep_until=1e12)


def paused(domain: Domain) -> Domain:
    return replace(domain, paused=True)


def unchanged(domain: Domain) -> Domain:
    return domain


def refusing(domain: Domain) -> Domain:
    raise BadRequest("no")


def partition(store: Store, key: DomainKey = KEY) -> int:
    return partition_of(slot_of(key), store.layout().partitions)


class TestAdding:
    def test_a_domain_gets_its_first_revision_and_its_partitions_next_incarnation(self, store: Store) -> None:
        added = store.add_domain(domain(revision=7, incarnation=7))

        assert (added.revision, added.incarnation) == (1, 1)
        assert store.incarnation(partition(store)) == 1

    def test_it_is_there_for_all_to_see_with_nothing_in_it(self, world: StoreWorld) -> None:
        added = world.store.add_domain(domain())
        view = world.opened().view(KEY)

        assert (view.domain, view.instances, view.standing, view.counter) == (added, (), Standing(), 0)

    def test_a_name_that_is_taken_is_refused(self, store: Store) -> None:
        added = store.add_domain(domain())

        with pytest.raises(Conflict):
            store.add_domain(domain(engine_conf={"preserve_n": 9}))
        assert store.view(KEY).domain == added
        assert store.incarnation(partition(store)) == 1

    def test_owner_and_name_are_kept_apart(self, store: Store) -> None:
        store.add_domain(domain(DomainKey("a", "b.c")))

        with pytest.raises(NotFound):
            store.view(DomainKey("a.b", "c"))

    def test_partitions_count_for_themselves(self, store: Store) -> None:
        keys = [DomainKey("o", f"d{n}") for n in range(20)]
        for key in keys:
            store.add_domain(domain(key))

        counts = {p: sum(partition(store, key) == p for key in keys) for p in range(store.layout().partitions)}
        assert {p: store.incarnation(p) for p in counts} == counts

    def test_what_json_cannot_say_is_refused_and_nothing_is_written(self, store: Store) -> None:
        with pytest.raises(BadRequest):
            store.add_domain(domain(general={"engine": object()}), REQUEST)

        assert store.all_domains() == []
        assert store.answered("key-1") == (False, None)
        assert store.incarnation(partition(store)) == 0


class TestListing:
    def test_domains_are_listed_by_partition_and_by_owner(self, store: Store) -> None:
        keys = sorted(DomainKey(owner, f"d{n}") for owner in ("ann", "bob") for n in range(10))
        for key in reversed(keys):
            store.add_domain(domain(key))

        assert list(store.all_domains()) == keys
        assert list(store.all_domains("bob")) == keys[10:]
        assert list(store.all_domains("eve")) == []
        for p in range(store.layout().partitions):
            assert list(store.domains(p)) == [key for key in keys if partition(store, key) == p]

    def test_an_unknown_domain_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.view(KEY)


class TestLookingAtMany:
    def test_each_is_as_it_would_be_alone(self, world: StoreWorld) -> None:
        keys = [DomainKey("o", f"d{n}") for n in range(20)]
        for key in keys:
            world.store.add_domain(domain(key))
        store = world.opened()
        absent = DomainKey("o", "absent")
        seen = dict(store.views([*keys, absent]))

        assert [*seen] == [*keys, absent]
        assert [seen[key] for key in keys] == [store.view(key) for key in keys]
        assert isinstance(seen[absent], NotFound)

    def test_none_is_stale(self, world: StoreWorld) -> None:
        writer, reader = world.store, following(world.opened())
        writer.add_domain(domain())
        writer.add_domain(domain(OTHER))
        before = dict(reader.views([KEY, OTHER]))
        changed = writer.change(KEY, paused)
        after = dict(reader.views([KEY, OTHER]))

        assert after == {KEY: replace(before[KEY], domain=changed, counter=1), OTHER: before[OTHER]}

    def test_of_none_there_is_none(self, store: Store) -> None:
        assert dict(store.views([])) == {}
        assert list(store.domains_of([])) == []

    def test_the_domains_of_several_partitions_are_listed_at_once(self, store: Store) -> None:
        keys = sorted(DomainKey("o", f"d{n}") for n in range(20))
        for key in keys:
            store.add_domain(domain(key))
        wanted = sorted({partition(store, key) for key in keys[:10]})

        assert sorted(store.domains_of(wanted)) == [key for key in keys if partition(store, key) in wanted]


class TestChanging:
    def test_a_change_raises_revision_and_counter(self, world: StoreWorld) -> None:
        world.store.add_domain(domain())
        changed = world.store.change(KEY, paused)
        view = world.opened().view(KEY)

        assert (changed.paused, changed.revision) == (True, 2)
        assert (view.domain, view.counter) == (changed, 1)

    def test_a_change_that_changes_nothing_raises_nothing(self, store: Store) -> None:
        added = store.add_domain(domain())

        assert store.change(KEY, unchanged, REQUEST, [Event(time=1, kind="reconfigured")]) == added
        assert store.view(KEY).counter == 0
        assert store.events() == []
        assert store.answered("key-1") == (True, {"ok": True})

    def test_true_and_one_are_told_apart(self, store: Store) -> None:
        store.add_domain(domain(general={"a": 1}))

        changed = store.change(KEY, lambda d: replace(d, general={"a": True}))
        assert changed.revision == 2
        assert changed.general["a"] is True

    def test_name_incarnation_and_revision_are_the_stores_own(self, store: Store) -> None:
        store.add_domain(domain())
        changed = store.change(KEY, lambda d: replace(d, key=OTHER, incarnation=9, revision=9, paused=True))

        assert (changed.key, changed.incarnation, changed.revision) == (KEY, 1, 2)

    def test_what_the_function_refuses_is_not_written(self, store: Store) -> None:
        added = store.add_domain(domain())

        with pytest.raises(BadRequest, match="no"):
            store.change(KEY, refusing, REQUEST, [Event(time=1, kind="reconfigured")])
        assert store.view(KEY).domain == added
        assert store.answered("key-1") == (False, None)
        assert store.events() == []

    def test_what_json_cannot_say_is_not_written(self, store: Store) -> None:
        store.add_domain(domain())

        with pytest.raises(BadRequest):
            store.change(KEY, lambda d: replace(d, general={"a": object()}), REQUEST)
        assert (store.view(KEY).counter, store.answered("key-1")) == (0, (False, None))

    def test_an_unknown_domain_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.change(KEY, paused)

    def test_its_events_are_logged_with_it(self, store: Store) -> None:
        store.add_domain(domain())
        store.change(KEY, paused, events=[Event(time=1, kind="reconfigured", domain=str(KEY))])

        assert [event.kind for event in store.events()] == ["reconfigured"]


class TestIdempotency:
    MUTATIONS: dict[str, Callable[[Store, Request], Any]] = {
        "add_domain": lambda store, request: store.add_domain(domain(OTHER), request),
        "change": lambda store, request: store.change(KEY, paused, request),
        "add_entry": lambda store, request: store.add_entry("definition", "new", {"a": 1}, request),
        "update_entry": lambda store, request: store.update_entry("definition", "old", {"a": 2}, request),
        "remove_entry": lambda store, request: store.remove_entry("definition", "old", request),
    }

    @pytest.fixture(params=MUTATIONS)
    def mutate(self, request: pytest.FixtureRequest, store: Store) -> Callable[[Store, Request], Any]:
        store.add_domain(domain())
        store.add_entry("definition", "old", {"a": 1})
        return self.MUTATIONS[request.param]

    def test_the_same_key_again_gets_the_same_answer(self, world: StoreWorld, mutate: Any) -> None:
        mutate(world.store, REQUEST)

        for store in (world.store, world.opened()):
            with pytest.raises(Answered) as raised:
                mutate(store, REQUEST)
            assert raised.value.answer == {"ok": True}
            assert store.answered("key-1") == (True, {"ok": True})

    def test_a_key_stands_for_its_first_mutation_whatever_comes_with_it_later(
        self, store: Store, mutate: Any
    ) -> None:
        mutate(store, REQUEST)

        with pytest.raises(Answered):
            store.change(KEY, refusing, with_fields(REQUEST, answer="another"))
        assert store.answered("key-1") == (True, {"ok": True})

    def test_another_key_is_another_mutation(self, store: Store, mutate: Any) -> None:
        mutate(store, REQUEST)
        assert store.answered("key-2") == (False, None)

    @pytest.mark.hazard("F14")
    def test_a_redelivered_add_does_not_revive_what_was_removed(self, store: Store) -> None:
        store.add_domain(domain(), REQUEST)
        store.change(KEY, lambda d: replace(d, removed=True))

        with pytest.raises(Answered):
            store.add_domain(domain(), REQUEST)
        assert store.view(KEY).domain.removed

    def test_a_refused_mutation_leaves_its_key_free(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.change(KEY, paused, REQUEST)
        store.add_domain(domain(), REQUEST)

        assert store.answered("key-1") == (True, {"ok": True})

    @pytest.mark.parametrize("answer", [None, False, 0, "", [], {}, {"a": [1, 2.5, None, "x"]}, *HOSTILE])
    def test_any_answer_comes_back(self, store: Store, answer: Any) -> None:
        store.add_domain(domain(), Request("key-1", answer, keep_until=1e12))
        assert store.answered("key-1") == (True, answer)

    def test_keys_are_kept_until_their_time_and_then_forgotten(self, store: Store, clock: HandClock) -> None:
        store.add_domain(domain(), Request("short", 1, clock.now() + 60))
        store.change(KEY, paused, Request("long", 2, clock.now() + 600))

        clock.advance(59)
        store.add_domain(domain(OTHER), Request("early", 3, clock.now() + 600))
        assert store.answered("short") == (True, 1)

        clock.advance(2)
        store.add_entry("type", "worker", {}, Request("late", 4, clock.now() + 600))
        assert store.answered("short") == (False, None)
        assert store.answered("long") == (True, 2)


class TestNews:
    def test_the_beginning_of_time_is_empty(self, store: Store) -> None:
        assert following(store).news(0).keys == frozenset()

    def test_added_and_changed_domains_are_news_once(self, world: StoreWorld) -> None:
        writer, reader = world.store, following(world.opened())
        cursor = reader.news(0).cursor

        writer.add_domain(domain())
        writer.add_domain(domain(OTHER))
        news = heard(reader, cursor, {KEY, OTHER})
        assert news.keys == {KEY, OTHER}
        assert [reader.view(key).counter for key in (KEY, OTHER)] == [0, 0]
        assert reader.news(news.cursor) == replace_keys(news, frozenset())

        writer.change(OTHER, paused)
        assert heard(reader, news.cursor, {OTHER}).keys == {OTHER}
        assert reader.news(0).keys in (None, {KEY, OTHER})

    def test_each_change_is_news_again(self, world: StoreWorld) -> None:
        writer, reader = world.store, following(world.opened())
        writer.add_domain(domain())
        cursor = heard(reader, 0, {KEY}).cursor
        for revision in range(2, 5):
            reader.view(KEY)
            writer.change(KEY, lambda d: replace(d, paused=not d.paused))
            cursor = heard(reader, cursor, {KEY}).cursor
            assert reader.view(KEY).domain.revision == revision

    def test_ones_own_writes_are_news_too(self, store: Store) -> None:
        cursor = following(store).news(0).cursor
        assert store.news(cursor).keys == frozenset()
        store.add_domain(domain())

        assert heard(store, cursor, {KEY}).keys == {KEY}

    def test_what_changed_nothing_is_none(self, store: Store) -> None:
        store.add_domain(domain())
        cursor = heard(following(store), 0, {KEY}).cursor
        store.view(KEY)
        store.change(KEY, unchanged)
        store.add_entry("type", "worker", {})
        store.log([Event(time=1, kind="health")])

        assert store.news(cursor).keys == frozenset()

    def test_each_cursor_is_answered_for_itself(self, store: Store) -> None:
        store.add_domain(domain())
        early = heard(following(store), 0, {KEY}).cursor
        store.add_domain(domain(OTHER))
        late = heard(store, early, {OTHER}).cursor

        for _ in range(2):
            assert store.news(early).keys == {OTHER}
            assert store.news(late).keys == frozenset()

    def test_what_is_not_followed_need_not_be_told_and_what_is_is(self, world: StoreWorld) -> None:
        writer, reader = world.store, world.opened()
        reader.follow([partition(reader, OTHER)])
        cursor = reader.news(0).cursor
        writer.add_domain(domain())
        writer.add_domain(domain(OTHER))
        cursor = heard(reader, cursor, {OTHER}).cursor

        reader.follow([partition(reader)])
        assert reader.domains_of([partition(reader)]) == [KEY]
        assert reader.view(KEY).domain.revision == 1
        writer.change(KEY, paused)
        assert KEY in (heard(reader, cursor, {KEY}).keys or ())

    def test_a_cursor_from_a_time_that_this_store_never_saw_means_look_at_everything(self, store: Store) -> None:
        store.add_domain(domain())
        news = store.news(1_000_000)

        assert news.keys is None
        assert store.news(news.cursor).keys == frozenset()


def replace_keys(news: Any, keys: frozenset[DomainKey]) -> Any:
    return with_fields(news, keys=keys)


class TestNothingIsShared:
    def test_a_domain_that_was_passed_in_can_be_spoilt(self, store: Store) -> None:
        general: dict[str, Any] = {"engine": "simplest", "deep": {"list": [1]}}
        store.add_domain(domain(general=general))
        general["deep"]["list"].append(2)

        assert store.view(KEY).domain.general["deep"] == {"list": [1]}

    def test_a_domain_that_was_returned_can_be_spoilt(self, store: Store) -> None:
        spoilt = [
            store.add_domain(domain(general={"list": []})),
            store.change(KEY, lambda d: replace(d, paused=True)),
            store.view(KEY).domain,
        ]
        for returned in spoilt:
            returned.general["list"].append(1)

        assert store.view(KEY).domain.general == {"list": []}

    def test_a_domain_that_a_change_was_shown_can_be_spoilt(self, store: Store) -> None:
        store.add_domain(domain(general={"list": []}))

        def spoil_and_refuse(shown: Domain) -> Domain:
            shown.general["list"].append(1)
            raise BadRequest("no")

        with pytest.raises(BadRequest):
            store.change(KEY, spoil_and_refuse)
        assert store.view(KEY).domain.general == {"list": []}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(store: Store, text: str) -> None:
    hostile = domain(
        definition=text,
        general={text: [text]},
        health={text: {text: text}},
        protected=(text,),
        subscribers=(text,),
    )
    added = store.add_domain(hostile)

    assert store.view(KEY).domain == added == replace(hostile, incarnation=1, revision=1)
