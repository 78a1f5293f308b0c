"""What the judge says of parts. Evidence by hand: a domain of one instance, `i-c8b-1-1`, whose server is `s-1`."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from elastic.adapters.cloud.furnished import Befell, PartEntry
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.rules.ring import slot_of
from elastic.rules.strays import home_in, instance_id
from tests.simulation.evidence import Evidence
from tests.simulation.judge_parts import PARTS_RULES
from tests.simulation.ledger import Furnished, Ledger, Listing
from tests.simulation.test_judge import WEB, death, evidence, ledger, life
from tests.simulation.world import Held

ONE, TWO = "i-c8b-1-1", "i-c8b-1-2"
GONE = Listing(60.0, 61.0, frozenset())
WHOLE = ("port-1", "port-2", "volume-3", "floating_ip-4", "group-5")


def found(part_id: str, instance: str = ONE, cluster: str = "world") -> FoundPart:
    kind = PartKind(part_id.rpartition("-")[0])
    return FoundPart(site="site", cluster=cluster, home=home_in(instance, kind), part=Part(kind, part_id))


def befell(time: float, what: str, part_id: str, *holders: str, **whose: str) -> PartEntry:
    return PartEntry(time=time, what=Befell(what), found=found(part_id, **whose), holders=holders)


def taken(*parts: str, by: str = "s-1", at: float = 10.0) -> list[PartEntry]:
    return [entry for name in parts for entry in (befell(at - 1, "made", name), befell(at, "taken", name, by))]


def held(*parts: str, by: Sequence[str] = ("s-1",), **whose: str) -> list[Held]:
    return [Held(found(name, **whose), tuple(by)) for name in parts]


def furnished(*parts: str, **known: Any) -> Ledger:
    """Clients were told that the instance has these."""
    return ledger(furnished={ONE: Furnished("s-1", frozenset(parts))}, **known)


def whole(**other: Any) -> Evidence:
    """All is well, but for what is given."""
    given = {"ledger": furnished(*WHOLE), "parts": held(*WHOLE), "parts_journal": taken(*WHOLE), **other}
    return evidence(life("s-1", ONE), **given)


def emptied(*parts: str, journal: list[PartEntry], **known: Any) -> Evidence:
    """A domain that was removed, and nothing of it is left but these."""
    known = {"listings": [GONE], "given_up": {"ann:web": [(40.0, 1)]}, **known}
    past = ledger(**known)
    past.accounts["ann:web"].sizes = {None}
    events = [*life("s-1", ONE), *death("s-1", ONE)]
    return evidence(events, ledger=past, parts=held(*parts, by=()), parts_journal=journal, live=Counter())


CASES: dict[str, tuple[Callable[[], Evidence], str]] = {
    "one server that has all": (whole, ""),
    "a cloud that makes none": (lambda: evidence(life("s-1", ONE)), ""),
    "one that nobody has": (
        lambda: whole(parts=[*held(*WHOLE), *held("port-6", by=(), instance=TWO)]),
        "P2: in the end port-6 of i-c8b-1-2 is nobody's",
    ),
    "a second one of a living instance": (
        lambda: whole(parts=[*held(*WHOLE), *held("port-6", by=())]),
        "P2: in the end port-6 of i-c8b-1-1 is nobody's",
    ),
    "another cluster's": (
        lambda: whole(parts=[*held(*WHOLE), *held("port-6", by=(), cluster="another world")]),
        "",
    ),
    "one on record that no server has": (
        lambda: whole(parts=[*held(*WHOLE[:4]), *held("group-5", by=())]),
        "P2: in the end group-5 is told of as i-c8b-1-1's, and s-1 has it not",
    ),
    "one on record that is not there": (
        lambda: whole(parts=held(*WHOLE[1:])),
        "P2: in the end port-1 is told of as i-c8b-1-1's, and s-1 has it not",
    ),
    "one on record that a stranger deleted": (
        lambda: whole(
            parts=held("port-1", "port-2", "volume-3", "group-5"),
            ledger=furnished(*WHOLE, taken_parts={"floating_ip-4"}),
            parts_journal=[
                *taken("port-1", "port-2", "volume-3", "group-5"),
                befell(9.0, "made", "floating_ip-4"),
                befell(9.5, "vanished", "floating_ip-4"),
            ],
        ),
        "",
    ),
    "a server without a volume": (
        lambda: whole(parts_journal=taken("port-1", "port-2", "floating_ip-4", "group-5")),
        "P2: in the end s-1 of ann:web was made with 1 floating_ip, 1 group, 2 port",
    ),
    "a port of two servers": (
        lambda: whole(parts_journal=[*taken(*WHOLE), befell(20.0, "taken", "port-1", "s-1", "s-2")]),
        "P1: port-1 was taken by s-1 and s-2",
    ),
    "a group of two servers": (
        lambda: whole(parts_journal=[*taken(*WHOLE), befell(20.0, "taken", "group-5", "s-1", "s-2")]),
        "",
    ),
    "a volume is asked to go that a server has": (
        lambda: whole(parts_journal=[*taken(*WHOLE), befell(20.0, "release-asked", "volume-3", "s-1")]),
        "P5: volume-3, which s-1 has, was to go",
    ),
    "a port is, to see whether a server has it": (
        lambda: whole(parts_journal=[*taken(*WHOLE), befell(20.0, "release-asked", "port-1", "s-1")]),
        "",
    ),
    "a foreign one is touched": (
        lambda: whole(
            parts_journal=[*taken(*WHOLE), befell(20.0, "release-asked", "port-6", cluster="another world")],
            ledger=furnished(*WHOLE, foreign_parts={"port-6"}),
        ),
        "P6: port-6, which is not ours, was to go",
    ),
    "a removed domain leaves nothing": (
        lambda: emptied(journal=[*taken(*WHOLE), *(befell(55.0, "gone", name) for name in WHOLE)]),
        "",
    ),
    "a removed domain leaves a port": (
        lambda: emptied("port-6", journal=[befell(20.0, "made", "port-6")]),
        "P7: in the end port-6 of i-c8b-1-1 is nobody's",
    ),
    "what a server had is there when its domain is shown to be gone": (
        lambda: emptied(journal=[*taken("port-1"), befell(70.0, "gone", "port-1")]),
        "P7: ann:web was shown to be gone at 61.0, and port-1 is there",
    ),
    "what no server had is there a while longer": (
        lambda: emptied(journal=[befell(20.0, "made", "port-6"), befell(80.0, "gone", "port-6")]),
        "",
    ),
    "the group of a domain that has no instance waits": (
        lambda: evidence(
            [*life("s-1", ONE), *death("s-1", ONE)],
            parts=held("group-5", by=()),
            parts_journal=taken("group-5"),
            live=Counter(),
        ),
        "",
    ),
    "the group of its predecessor does not": (
        lambda: evidence(
            [*life("s-1", ONE), *death("s-1", ONE)],
            parts=held("group-5", by=()),
            parts_journal=[*taken("group-5"), befell(80.0, "made", "group-6", instance="i-c8b-2-1")],
            live=Counter(),
        ),
        "P2: in the end group-5 of i-c8b-1 is nobody's",
    ),
}


def test_the_instance_is_the_domain_s() -> None:
    assert instance_id(slot_of(WEB), 1, 1) == ONE


@pytest.mark.parametrize("case", CASES)
def test_what_the_judge_says_of_parts(case: str) -> None:
    made, begins = CASES[case]
    seen = made()
    said = [sentence for rule in PARTS_RULES for sentence in rule(seen)]
    if begins:
        assert any(sentence.startswith(begins) for sentence in said), said
    else:
        assert said == []
