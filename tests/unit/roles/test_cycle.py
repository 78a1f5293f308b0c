"""The loop of every role: what changed and what is due is visited, and nobody waits for a bad one."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from elastic.errors import NotFound, OutcomeUnknown, Stale, StoreUnavailable, Superseded
from elastic.model.domain import DomainKey
from elastic.model.view import View
from elastic.roles.cycle import FIRST_RETRY, LONGEST_RETRY, Cycle
from elastic.roles.moment import Moment
from tests.unit.roles.setting import Setting


class Visitor:
    """A role that does what it is told to do with a domain of that name, and returns when to come again."""

    def __init__(self) -> None:
        self.visited: list[str] = []
        self.does: dict[str, Callable[[Moment], float | None]] = {}

    def visit(self, view: View, now: Moment) -> float | None:
        self.visited.append(view.key.name)
        return self.does.get(view.key.name, lambda _: None)(now)

    def fails(self, name: str, error: Exception) -> None:
        def fail(_: Moment) -> float | None:
            raise error

        self.does[name] = fail

    def taken(self) -> list[str]:
        found, self.visited = self.visited, []
        return found


class Round:
    """Domains a, b and c, mirrored, and a cycle over them."""

    def __init__(self) -> None:
        self.here, self.role = Setting(), Visitor()
        self.keys = {name: self.here.add(name) for name in "abc"}
        self.mirror = self.here.mirror()
        self.mirror.refresh()
        self.complained: list[str] = []
        complained = lambda key: self.complained.append(key.name)  # noqa: E731
        self.cycle = Cycle("visitor", self.role, self.mirror, self.here.clock, complained)

    def touch(self, names: str) -> None:
        self.cycle.touch([self.keys[name] for name in names])

    def turn(self, seconds: float = 0.0) -> list[str]:
        self.here.clock.advance(seconds)
        self.cycle.turn()
        return self.role.taken()


@pytest.fixture
def round_() -> Round:
    return Round()


def test_what_changed_is_visited_once_in_order_and_nothing_else(round_):
    round_.touch("b")
    round_.touch("ab")
    assert round_.turn() == ["b", "a"]
    assert round_.turn() == []


def test_it_says_how_many_it_visited(round_):
    round_.touch("ab")
    assert round_.cycle.turn() == 2
    assert round_.cycle.turn() == 0
    assert round_.cycle.visits == 2


def test_what_is_due_is_visited_when_it_is_due(round_):
    round_.role.does["a"] = lambda now: now.mono + 5
    round_.touch("a")
    round_.turn()
    assert round_.cycle.next_due() == round_.here.clock.monotonic() + 5
    assert round_.turn(4.9) == []
    assert round_.turn(0.1) == ["a"]


def test_the_latest_word_on_when_it_is_due_counts(round_):
    word = [5.0]
    round_.role.does["a"] = lambda now: now.mono + word[0] if word else None
    round_.touch("a")
    round_.turn()
    word[0] = 20.0
    round_.touch("a")
    round_.turn()
    assert round_.turn(10) == []
    assert round_.turn(10) == ["a"]
    word.clear()
    round_.touch("a")
    round_.turn()
    assert round_.turn(100) == []


def test_one_that_changed_is_due_now(round_):
    assert round_.cycle.next_due() is None
    round_.touch("a")
    assert round_.cycle.next_due() == round_.here.clock.monotonic()


def test_a_domain_that_is_not_ours_is_passed_over(round_):
    round_.cycle.touch([DomainKey("ann", "unknown")])
    assert round_.turn() == []


def test_one_that_raises_does_not_hold_up_the_others(round_):
    round_.role.fails("b", KeyError("x"))
    round_.touch("abc")
    assert round_.turn() == ["a", "b", "c"]
    failure = round_.cycle.failures[round_.keys["b"]]
    assert (failure.count, failure.text) == (1, "KeyError: 'x'")
    assert round_.cycle.failed_visits == 1


def test_it_is_tried_again_later_each_time(round_):
    round_.role.fails("a", KeyError("x"))
    round_.touch("a")
    round_.turn()
    for wait in (1, 2, 4, 8, 16):
        assert round_.turn(wait - 0.01) == []
        assert round_.turn(0.01) == ["a"]


def test_but_never_less_often_than_each_five_minutes(round_):
    round_.role.fails("a", KeyError("x"))
    round_.touch("a")
    for _ in range(30):
        round_.turn(LONGEST_RETRY)
    assert round_.turn(LONGEST_RETRY) == ["a"]


def test_a_success_ends_the_complaint_and_the_count(round_):
    round_.role.fails("a", KeyError("x"))
    round_.touch("a")
    round_.turn()
    round_.turn(FIRST_RETRY)
    assert round_.complained == ["a"]
    round_.role.does.clear()
    round_.turn(2 * FIRST_RETRY)
    assert round_.complained == ["a", "a"]
    assert round_.cycle.failures == {}
    round_.role.fails("a", KeyError("x"))
    round_.touch("a")
    round_.turn()
    assert round_.cycle.failures[round_.keys["a"]].count == 1


def test_a_domain_that_went_elsewhere_is_complained_of_no_more(round_):
    round_.role.fails("a", KeyError("x"))
    round_.touch("a")
    round_.turn()
    round_.here.deal("other")
    round_.mirror.refresh()
    round_.turn(FIRST_RETRY)
    assert round_.cycle.failures == {}


def test_a_store_that_does_not_answer_ends_the_turn_and_keeps_the_rest_for_the_next(round_):
    round_.role.fails("b", StoreUnavailable("cut off"))
    round_.touch("abc")
    with pytest.raises(StoreUnavailable):
        round_.cycle.turn()
    assert round_.role.taken() == ["a", "b"]
    assert round_.cycle.failures == {}
    round_.role.does.clear()
    assert round_.turn() == ["b", "c"]


def test_what_came_due_in_a_turn_cut_short_is_not_forgotten(round_):
    round_.role.does["b"] = lambda now: now.mono + 5
    round_.touch("b")
    round_.turn()
    round_.role.fails("a", StoreUnavailable("cut off"))
    round_.touch("a")
    round_.here.clock.advance(5)
    with pytest.raises(StoreUnavailable):
        round_.cycle.turn()
    round_.role.does.clear()
    round_.role.taken()
    assert sorted(round_.turn()) == ["a", "b"]


@pytest.mark.parametrize("late", [Stale("changed"), NotFound("gone"), OutcomeUnknown("who knows")])
def test_one_that_changed_meanwhile_is_visited_again_at_once_and_is_no_failure(round_, late):
    round_.role.fails("a", late)
    round_.touch("ab")
    assert round_.turn() == ["a", "b"]
    assert round_.cycle.failures == {}
    round_.role.does.clear()
    assert round_.turn() == ["a"]


def test_one_that_is_no_longer_ours_is_no_failure(round_):
    round_.role.fails("a", Superseded("another's"))
    round_.touch("ab")
    assert round_.turn() == ["a", "b"]
    assert round_.cycle.failures == {}


def test_one_that_is_ours_after_all_is_visited_again(round_):
    """The table changed too often during one write; what was to be done is still to be done."""
    round_.role.fails("a", Superseded("the assignment changed 3 times"))
    round_.touch("a")
    round_.turn()
    round_.role.does.clear()
    assert round_.turn(FIRST_RETRY) == ["a"]


def test_the_age_of_the_loop_is_that_of_its_last_whole_turn(round_):
    assert round_.cycle.ended_at is None
    round_.turn(5)
    ended = round_.here.clock.monotonic()
    assert round_.cycle.ended_at == ended
    round_.role.fails("a", StoreUnavailable("cut off"))
    round_.touch("a")
    round_.here.clock.advance(5)
    with pytest.raises(StoreUnavailable):
        round_.cycle.turn()
    assert round_.cycle.ended_at == ended


def test_a_visit_sees_the_domain_as_it_is_by_then(round_):
    seen = []
    round_.role.visit = lambda view, now: seen.append(view.domain.paused)
    round_.touch("a")
    round_.here.store.change(round_.keys["a"], lambda domain: replace(domain, paused=True))
    round_.mirror.refresh()
    round_.cycle.turn()
    assert seen == [True]


@pytest.mark.parametrize(("heeds_itself", "again"), [(True, ["a"]), (False, [])])
def test_one_that_does_not_heed_itself_is_not_visited_for_what_it_wrote(round_, heeds_itself, again):
    cycle = Cycle("visitor", round_.role, round_.mirror, round_.here.clock, heeds_itself=heeds_itself)
    round_.role.does["a"] = lambda _: cycle.touch([round_.keys["a"]])
    cycle.touch([round_.keys["a"]])
    cycle.turn()
    round_.role.taken()
    cycle.turn()
    assert round_.role.taken() == again


def test_but_for_what_it_wrote_of_another_and_for_what_came_later(round_):
    cycle = Cycle("visitor", round_.role, round_.mirror, round_.here.clock, heeds_itself=False)
    round_.role.does["a"] = lambda _: cycle.touch([round_.keys["b"]])
    cycle.touch([round_.keys["a"]])
    cycle.turn()
    cycle.touch([round_.keys["a"]])
    round_.role.taken()
    cycle.turn()
    assert round_.role.taken() == ["b", "a"]
