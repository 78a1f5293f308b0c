"""Parts that are nobody's are swept like servers; whose they are is known by slot and incarnation."""

import pytest

from elastic.model.assignment import Layout
from elastic.model.domain import Domain
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.states import InstanceState
from elastic.model.view import Standing, View
from elastic.rules.ring import slot_of
from elastic.rules.strays import Claim, claim_of_part, home_in, home_of
from tests.unit.roles.setting import WEB
from tests.unit.rules.views import record

LAYOUT = Layout(uid="uid", format=1, partitions=16)
SLOT = slot_of(WEB)
BASE = f"i-{SLOT:03x}-1"
ONE = f"{BASE}-1"
PORT, DOUBLE = Part(PartKind.PORT, "p-1"), Part(PartKind.PORT, "p-2")
GROUP, OTHER = Part(PartKind.GROUP, "g-1"), Part(PartKind.GROUP, "g-2")


def found(part: Part, home: str = ONE, cluster: str = "uid") -> FoundPart:
    return FoundPart(site="north", cluster=cluster, home=home, part=part)


def view(*instances: object, removed: bool = False) -> View:
    domain = Domain(key=WEB, incarnation=1, removed=removed)
    return View(domain=domain, instances=instances, standing=Standing(next_number=9), counter=1)


def living(**rest: object):
    return record(ONE, 600, **rest)


def over(**rest: object):
    return record(ONE, 800, **rest)


CASES = {
    "the one on record": (found(PORT), view(living(parts=(PORT,))), Claim.OURS),
    "another of its kind and number": (found(DOUBLE), view(living(parts=(PORT,))), Claim.STRAY),
    "one made and not yet recorded": (found(PORT), view(living()), Claim.OURS),
    "a second port of a server with two": (
        found(Part(PartKind.PORT, "p-3", 1)),
        view(living(parts=(PORT, Part(PartKind.PORT, "p-3", 1)))),
        Claim.OURS,
    ),
    "of an instance that is over": (found(PORT), view(over(parts=(PORT,))), Claim.STRAY),
    "of one that failed and is being cleaned up": (
        found(PORT),
        view(record(ONE, 900, parts=(PORT,), leftover=True)),
        Claim.OURS,
    ),
    "of an instance that was forgotten": (found(PORT, f"{BASE}-3"), view(), Claim.STRAY),
    "of one that was never made": (found(PORT, f"{BASE}-9"), view(), Claim.FROM_THE_FUTURE),
    "of a domain that is no more": (found(PORT), None, Claim.STRAY),
    "of one that is yet to come": (found(PORT, f"i-{SLOT:03x}-7-1"), None, Claim.FROM_THE_FUTURE),
    "of another cluster": (found(PORT, cluster="other"), None, Claim.FOREIGN),
    "a domain's group": (found(GROUP, BASE), view(living(parts=(GROUP,))), Claim.OURS),
    "a second group": (found(OTHER, BASE), view(living(parts=(GROUP,))), Claim.STRAY),
    "a group that nobody took yet": (found(GROUP, BASE), view(), Claim.OURS),
    "the group of a domain that is removed and empty": (
        found(GROUP, BASE),
        view(over(parts=(GROUP,)), removed=True),
        Claim.STRAY,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_whose_a_part_is(case):
    part, seen, claim = CASES[case]
    assert claim_of_part(part, home_of(part.home), LAYOUT, seen, incarnation=1) is claim


@pytest.mark.parametrize(
    ("kind", "home"),
    [(PartKind.PORT, ONE), (PartKind.VOLUME, ONE), (PartKind.FLOATING_IP, ONE), (PartKind.GROUP, BASE)],
)
def test_what_a_domain_shares_is_named_after_what_its_instances_ids_begin_with(kind, home):
    assert home_in(ONE, kind) == home
    assert home_of(home).slot == SLOT


def test_an_instance_that_is_leaving_keeps_what_it_has():
    leaving = record(ONE, 700, parts=(PORT,))
    assert leaving.state is InstanceState.TERMINATING
    assert claim_of_part(found(PORT), home_of(ONE), LAYOUT, view(leaving), 1) is Claim.OURS
