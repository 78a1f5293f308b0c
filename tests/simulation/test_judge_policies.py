"""What the judge says of domains that a policy sizes. Evidence by hand: a domain of one instance, `i-1`, whose
server is `s-1`; the metric goes down at 40 s."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.adapters.cloud.weather import Entry
from elastic.model.domain import DomainKey
from elastic.model.server import Mark
from tests.simulation.evidence import Evidence
from tests.simulation.gauges import Gauge
from tests.simulation.judge_policies import POLICY_RULES
from tests.simulation.kernel import Kernel
from tests.simulation.labour import DRAINED, DRAINING, Labour, Moment
from tests.simulation.ledger import Ledger
from tests.simulation.partings import Parting
from tests.simulation.plans import HIGH, LOW, MIDDLE, PLANS
from tests.simulation.test_judge import death, entry, evidence, life

CELLS, KILLS = "ann:cells", "policy that kills"


def ours(*entries: Entry) -> list[Entry]:
    """As they are, in a domain that a policy sizes."""
    key = DomainKey("ann", "cells")
    return [replace(e, mark=Mark("world", key, 1, e.instance_id)) for e in entries]


def ledger(plan: str = "sensor by its vms", numbers: Any = ((0.0, MIDDLE), (40.0, LOW)), **known: Any) -> Ledger:
    gauge = Gauge(Kernel())
    gauge.history[CELLS] = list(numbers)
    made = Ledger({CELLS: PLANS[plan]}, gauge)
    account = made.accounts[CELLS]
    account.sizes = {3}
    account.told(1.0)
    made.sizes_over_time[CELLS].append((0.0, 3))
    made.told["i-1"] = {"s-1": 15.0}
    for name, value in known.items():
        setattr(made, name, value)
    return made


def labour(*past: Moment) -> Labour:
    made = Labour(Kernel(), CELLS, "i-1", 0, 1.0)
    made.past = list(past) or made.past
    return made


def parted(at: float = 50.0, drains_since: float | None = None, *past: Moment, **other: Any) -> Evidence:
    """It was to go at that time."""
    given = {"ledger": ledger(), "labours": {"s-1": labour(*past)}, **other}
    partings = {"i-1": Parting(at, CELLS, "i-1", drains_since)}
    return evidence(ours(*life("s-1"), *death("s-1", at=at + 1.0)), partings=partings, **given)


def several(count: int, **other: Any) -> Evidence:
    lives = [e for n in range(count) for e in life(f"s-{n}", f"i-{n}", at=10.0 + n)]
    return evidence(ours(*lives), **{"ledger": ledger(), **other})


def decided(*stages: str) -> Ledger:
    told = {"stages": [{"stage": stage, "text": ""} for stage in stages], "reason": ", ".join(stages)}
    return ledger(reasons={(CELLS, "a", 20.0): told})


busy = Moment(12.0, 1, "")
CASES: dict[str, tuple[Callable[[], Evidence], str]] = {
    "one goes as the metric has gone down": (parted, ""),
    "one goes before it does": (
        lambda: parted(at=39.0),
        "P5: i-1 of ann:cells was to go at 39.0, and nobody asked",
    ),
    "one goes long after it has gone up again": (
        lambda: parted(at=75.0, ledger=ledger(numbers=((0.0, MIDDLE), (40.0, LOW), (50.0, HIGH)))),
        "P5: i-1 of ann:cells was to go at 75.0, and nobody asked",
    ),
    "one goes for a law that wants fewer": (
        lambda: parted(ledger=ledger(KILLS, numbers=((0.0, 15.0), (40.0, 10.0)))),
        "",
    ),
    "one goes for a law that wants more": (
        lambda: parted(ledger=ledger(KILLS, numbers=((0.0, 5.0), (40.0, 10.0)))),
        "P5: i-1 of ann:cells was to go at 50.0, and nobody asked",
    ),
    "one goes as its client wants fewer at most": (
        lambda: parted(at=39.0, ledger=ledger(given_up={CELLS: [(30.0, 1)]})),
        "",
    ),
    "one that was harmed goes": (lambda: parted(at=39.0, ledger=ledger(harmed={"i-1": 30.0})), ""),
    "one that is protected goes": (
        lambda: parted(ledger=ledger(protected={"i-1": [(45.0, 60.0)]})),
        "P5: i-1 of ann:cells was to go at 50.0, and was protected",
    ),
    "one goes that was protected before": (
        lambda: parted(ledger=ledger(protected={"i-1": [(30.0, 45.0)]})),
        "",
    ),
    "a busy one goes at once": (
        lambda: parted(50.0, None, busy),
        "P5: i-1 of ann:cells was to go at 50.0, had work, and did not drain",
    ),
    "one goes that has had work for a moment": (
        lambda: parted(50.0, None, Moment(12.0, 0, ""), Moment(48.0, 1, "")),
        "",
    ),
    "a busy one goes when it has drained": (
        lambda: parted(50.0, 41.0, busy, Moment(42.0, 1, DRAINING), Moment(49.0, 0, DRAINED)),
        "",
    ),
    "a busy one goes while it drains": (
        lambda: parted(55.0, 41.0, busy, Moment(42.0, 1, DRAINING)),
        "P5: i-1 of ann:cells was to go at 55.0, had work, and had 14.0 s to drain",
    ),
    "a busy one goes when its time to drain is over": (
        lambda: parted(50.0, 41.0, busy, ledger=ledger(KILLS, numbers=((0.0, 15.0), (40.0, 10.0)))),
        "",
    ),
    "a busy one goes before its time to drain is over": (
        lambda: parted(45.0, 41.0, busy, ledger=ledger(KILLS, numbers=((0.0, 15.0), (40.0, 10.0)))),
        "P5: i-1 of ann:cells was to go at 45.0, had work, and had 4.0 s to drain",
    ),
    "as many as the maximum": (lambda: several(3), ""),
    "one more": (lambda: several(4), "P8: ann:cells has 4 at 15.0, and its maximum is 3"),
    "one more, and one drains": (
        lambda: several(4, labours={"s-1": labour(Moment(11.0, 1, DRAINING))}, draining={"i-1"}),
        "",
    ),
    "none in calm": (
        lambda: evidence(ours(*life("s-1"), entry(150.0, "killed", "s-1")), ledger=ledger(), calm_at=140.0),
        "P8: ann:cells has 0 at 150.0, and its minimum is 1",
    ),
    "one is lost on purpose": (
        lambda: evidence(
            ours(*life("s-1"), entry(150.0, "killed", "s-1")),
            ledger=ledger(deaths=[(CELLS, 149.9)]),
            calm_at=140.0,
        ),
        "",
    ),
    "one drains in the end that is to": (
        lambda: several(1, labours={"s-1": labour(Moment(11.0, 1, DRAINING))}, draining={"i-1"}),
        "",
    ),
    "one drains in the end that is to serve": (
        lambda: several(1, labours={"s-1": labour(Moment(11.0, 1, DRAINING))}),
        "P9: in the end i-1 of ann:cells is draining, and was not to be",
    ),
    "a decision replaces": (lambda: several(1, ledger=decided("replace", "launch")), ""),
    "a decision launches and has some go": (
        lambda: several(1, ledger=decided("launch", "victims")),
        "P8: a both launched and ended in ann:cells",
    ),
    "a domain is written all the time": (
        lambda: several(1, writes={(CELLS, 20): 900}),
        "P11: ann:cells was written 900 times in 10 s from 20 on",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_judge_says_of_policies(case: str) -> None:
    made, begins = CASES[case]
    seen = made()
    said = [sentence for rule in POLICY_RULES for sentence in rule(seen)]
    if begins:
        assert any(sentence.startswith(begins) for sentence in said), said
    else:
        assert said == []


@pytest.mark.parametrize(
    ("plan", "number", "sizes"),
    [
        ("sensor by its vms", LOW, {1}),
        ("sensor by its vms", MIDDLE, {1, 2, 3}),
        ("sensor by its vms", HIGH, {3}),
        ("sensor by a source", LOW, {0}),
        (KILLS, 10.0, {2}),
        (KILLS, 0.0, {1}),
        (KILLS, 95.0, {3}),
        ("policy that waits", 2.0, {2}),
    ],
)
def test_the_sizes_that_a_plan_promises(plan: str, number: float, sizes: set[int]) -> None:
    assert ledger(plan, numbers=((0.0, number),)).allowed(CELLS) == sizes


def test_a_size_that_is_held_is_the_only_one_allowed() -> None:
    assert ledger(held={CELLS: 2}).allowed(CELLS) == {2}
