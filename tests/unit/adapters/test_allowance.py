"""How much one account may ask of us at once."""

from elastic.adapters.bus import allowance
from elastic.adapters.bus.allowance import Allowance
from tests.contract.clocks import HandClock


def taken(allowed: Allowance, who: str, tries: int) -> int:
    return sum(allowed.takes(who) for _ in range(tries))


def test_a_burst_and_then_so_many_a_second() -> None:
    clock = HandClock()
    allowed = Allowance(10, 50, clock.monotonic)
    assert taken(allowed, "ann", 80) == 50
    clock.advance(2)
    assert taken(allowed, "ann", 80) == 20
    clock.advance(1000)
    assert taken(allowed, "ann", 80) == 50


def test_one_s_flood_costs_no_other() -> None:
    allowed = Allowance(10, 50, HandClock().monotonic)
    taken(allowed, "ann", 1000)
    assert taken(allowed, "bob", 50) == 50


def test_those_who_asked_longest_ago_are_forgotten_first() -> None:
    allowed = Allowance(0, 1, HandClock().monotonic)
    for number in range(allowance.MOST_KNOWN + 1):
        assert allowed.takes(f"u{number}")
    assert not allowed.takes("u1")
    assert allowed.takes("u0"), "forgotten: it begins anew"
