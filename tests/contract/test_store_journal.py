"""The catalogue of definitions and types, and the story of what happened."""

from typing import Any

import pytest
from msgspec.structs import replace

from elastic.errors import BadRequest, Conflict, NotFound
from elastic.model.decision import Decision, Event
from elastic.ports.store import Commit, Store
from tests.contract.records import HOSTILE, KEY, assigned, domain, seat_of, tenure_of
from tests.contract.worlds import StoreWorld


class TestCatalogue:
    BODY = {"general": {"engine": "simplest"}, "engine_conf": {"preserve_n": 3, "deep": [{"a": None}]}}

    def test_an_entry_is_there_for_all_under_its_kind(self, world: StoreWorld) -> None:
        world.store.add_entry("definition", "web", self.BODY)
        store = world.opened()

        assert store.entry("definition", "web") == self.BODY
        assert list(store.entries("definition")) == ["web"]
        assert list(store.entries("type")) == []
        with pytest.raises(NotFound):
            store.entry("type", "web")

    def test_names_are_listed_in_order(self, store: Store) -> None:
        for name in ("c", "a", "b"):
            store.add_entry("type", name, {})
        assert list(store.entries("type")) == ["a", "b", "c"]

    def test_one_that_is_there_cannot_be_added(self, store: Store) -> None:
        store.add_entry("type", "web", self.BODY)
        with pytest.raises(Conflict):
            store.add_entry("type", "web", {})
        assert store.entry("type", "web") == self.BODY

    def test_an_update_replaces_it_whole(self, store: Store) -> None:
        store.add_entry("type", "web", self.BODY)
        store.update_entry("type", "web", {"a": 1})
        assert store.entry("type", "web") == {"a": 1}

    def test_a_removed_one_is_gone_and_can_be_added_again(self, store: Store) -> None:
        store.add_entry("type", "web", self.BODY)
        store.remove_entry("type", "web")
        with pytest.raises(NotFound):
            store.entry("type", "web")

        store.add_entry("type", "web", {})
        assert store.entry("type", "web") == {}

    def test_what_is_not_there_can_be_neither_changed_nor_removed(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.update_entry("type", "web", {})
        with pytest.raises(NotFound):
            store.remove_entry("type", "web")
        assert list(store.entries("type")) == []

    def test_what_json_cannot_say_is_refused(self, store: Store) -> None:
        with pytest.raises(BadRequest):
            store.add_entry("type", "web", {"a": object()})
        assert list(store.entries("type")) == []

    def test_nothing_is_shared(self, store: Store) -> None:
        body: dict[str, Any] = {"list": [1]}
        store.add_entry("type", "web", body)
        body["list"].append(2)
        store.entry("type", "web")["list"].append(3)

        assert store.entry("type", "web") == {"list": [1]}

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_comes_back_as_it_was(self, store: Store, text: str) -> None:
        store.add_entry("type", text, {text: text})
        assert (store.entry("type", text), list(store.entries("type"))) == ({text: text}, [text])


class TestEvents:
    def told(self, n: int) -> Event:
        return Event(time=float(n), kind="health", domain=str(KEY), instance_id="i1", text=f"event {n}")

    def test_they_come_back_in_order_with_rising_numbers(self, world: StoreWorld) -> None:
        world.store.log([self.told(1), self.told(2)])
        world.opened().log([replace(self.told(3), seq=99)])
        events = world.store.events()

        assert [replace(e, seq=0) for e in events] == [self.told(n) for n in (1, 2, 3)]
        assert sorted({e.seq for e in events}) == [e.seq for e in events]

    def test_of_those_after_a_number_the_newest_are_given(self, store: Store) -> None:
        store.log([self.told(n) for n in range(10)])
        seqs = [event.seq for event in store.events()]

        assert [e.seq for e in store.events(after=seqs[4])] == seqs[5:]
        assert [e.seq for e in store.events(count=3)] == seqs[-3:]
        assert [e.seq for e in store.events(after=seqs[4], count=2)] == seqs[-2:]
        assert store.events(after=seqs[-1]) == []
        assert store.events(count=0) == []

    def test_the_last_thousand_are_kept(self, store: Store) -> None:
        for batch in range(3):
            store.log([self.told(batch * 500 + n) for n in range(500)])
        events = store.events(count=5000)

        assert [e.text for e in events] == [f"event {n}" for n in range(500, 1500)]

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_comes_back_as_it_was(self, store: Store, text: str) -> None:
        store.log([Event(time=1, kind=text, domain=text, instance_id=text, text=text)])
        assert replace(store.events()[0], seq=0) == Event(
            time=1, kind=text, domain=text, instance_id=text, text=text
        )


class TestDecisions:
    def test_the_last_fifty_of_a_domain_are_kept(self, world: StoreWorld) -> None:
        store = world.store
        assigned(store, seat_of(world.election("m1")))
        store.add_domain(domain())
        for n in range(60):
            decision = Decision(time=float(n), member="m1", term=1, reason=f"reason {n}")
            store.commit(store.view(KEY), tenure_of(store), Commit(id=f"c{n}", decides=True, decision=decision))

        assert [d.reason for d in store.decisions(KEY)] == [f"reason {n}" for n in range(10, 60)]
        assert [d.reason for d in store.decisions(KEY, 100)] == [f"reason {n}" for n in range(10, 60)]
        assert [d.reason for d in store.decisions(KEY, 2)] == ["reason 58", "reason 59"]
        assert store.decisions(KEY, 0) == []

    def test_a_domain_without_any_has_none(self, store: Store) -> None:
        store.add_domain(domain())
        assert store.decisions(KEY) == []

    def test_an_unknown_domain_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.decisions(KEY)
