"""Parts that are nobody's are swept like servers; whose they are is known by slot and incarnation."""

import pytest
from msgspec.structs import replace

from elastic.adapters.cloud.furnished import FurnishedCloud
from elastic.errors import BadMessage, CloudUnavailable
from elastic.model.assignment import Layout
from elastic.model.domain import Domain
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.states import InstanceState
from elastic.model.view import Standing, View
from elastic.roles.sweep import ACCEPTED
from elastic.rules.ring import slot_of
from elastic.rules.strays import Claim, claim_of_part, home_in, home_of
from tests.unit.roles.setting import WEB
from tests.unit.roles.yard import GRACE, INTERVAL, NEW, Yard
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
    "a group of another policy, for one that is about to be launched": (
        found(OTHER, BASE),
        view(living(parts=(GROUP,), server_id="s-1"), record(f"{BASE}-2", 100)),
        Claim.OURS,
    ),
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


# the sweep


class PartsYard(Yard):
    """A yard whose cloud has parts. `mute`: of these kinds of things it lists none, as it does not answer."""

    def __init__(self) -> None:
        super().__init__(FurnishedCloud)
        self.mute: set[str] = set()
        for name in ("servers", "parts"):
            setattr(self.here.cloud, name, self.unless_mute(name))
        self.sweep = self.swept_by(self.here.store)

    def unless_mute(self, name: str):
        listed = getattr(self.here.cloud, name)

        def answer(*asked: object):
            if name in self.mute:
                raise CloudUnavailable("502")
            return listed(*asked)

        return answer

    def part(self, home: str, kind: PartKind = PartKind.PORT, site: str = "north") -> str:
        return self.here.cloud.plant_part(site, "uid", home_in(home, kind), kind)

    @property
    def parts(self) -> set[str]:
        return {found.part.part_id for found in self.here.cloud.all_parts()}


@pytest.fixture
def yard() -> PartsYard:
    return PartsYard()


FORGOTTEN, UNBORN, OF_NO_DOMAIN_YET = f"{BASE}-3", f"{BASE}-9", f"i-{SLOT:03x}-7-1"


def test_a_stray_part_goes_as_a_stray_server_does_and_the_journal_says_whose_it_was(yard):
    stray = yard.part(FORGOTTEN)
    yard.turns(3)
    assert (yard.noted(), yard.parts) == ({stray}, {stray})
    yard.turn()
    assert yard.parts == set()
    (event,) = [e for e in yard.here.store.events() if e.kind == "terminated"]
    assert (event.domain, event.instance_id) == ("ann:web", FORGOTTEN)
    assert event.text == f"port {stray} deleted: a stray"


@pytest.mark.hazard("F9")
def test_no_part_is_judged_before_the_servers_of_its_site_are(yard):
    """They might prove that the store is not the newest."""
    stray = yard.part(FORGOTTEN)
    yard.mute = {"servers"}
    yard.turns(6)
    assert (yard.noted(), yard.parts) == (set(), {stray})
    yard.mute = set()
    yard.turns(4)
    assert yard.parts == set()


@pytest.mark.hazard("F9")
def test_a_part_that_is_due_waits_for_servers_that_are_silent_in_that_very_round(yard):
    stray = yard.part(FORGOTTEN)
    yard.turns(3)
    yard.mute = {"servers"}
    yard.turns(3)
    assert yard.parts == {stray}
    yard.plant(NEW)
    yard.mute = set()
    yard.turns(3)
    assert yard.parts == {stray}
    assert "1 servers numbered above" in yard.sweep.trouble


def test_of_a_site_that_tells_no_parts_the_servers_are_swept(yard):
    yard.plant("i-001-1-2")
    yard.mute = {"parts"}
    yard.turns(4)
    assert yard.there == {yard.own}


LATER = {
    "of an instance that was never made": (PartKind.VOLUME, UNBORN),
    "of a domain that was never made": (PartKind.FLOATING_IP, OF_NO_DOMAIN_YET),
    "that a domain shared which was never made": (PartKind.GROUP, OF_NO_DOMAIN_YET),
}


@pytest.mark.hazard("F9")
@pytest.mark.parametrize("case", LATER)
@pytest.mark.parametrize("is_dated", [True, False])
def test_a_part_from_the_future_stops_the_sweep_until_an_operator_accepts(yard, monkeypatch, case, is_dated):
    """Nova does not say when a group was made."""
    if not is_dated:
        listed = yard.here.cloud.parts
        monkeypatch.setattr(
            yard.here.cloud, "parts", lambda *asked: [replace(p, created=0.0) for p in listed(*asked)]
        )
    kind, home = LATER[case]
    lost, stray = yard.part(home, kind), yard.part(FORGOTTEN)
    old = yard.plant("i-001-1-2")
    yard.turns(6)
    assert (yard.parts, old in yard.there) == ({lost, stray}, True)
    assert "site north has 1 parts numbered above the store's counters" in yard.sweep.trouble
    yard.here.store.set_flag(ACCEPTED, 2e9)
    yard.turns(5)
    assert (yard.parts, yard.there, yard.sweep.trouble) == (set(), {yard.own}, "")


def test_when_the_part_from_the_future_is_gone_the_sweep_goes_on(yard):
    lost, _stray = yard.part(UNBORN), yard.part(FORGOTTEN)
    yard.turn()
    assert yard.sweep.trouble
    yard.here.cloud.lose_part(lost)
    yard.turns(5)
    assert (yard.parts, yard.sweep.trouble) == (set(), "")


@pytest.mark.hazard("F9")
def test_a_restored_store_costs_nothing_while_nova_is_silent(yard):
    """What was made after the backup is in use, and its servers cannot be seen."""
    made = {
        yard.part(home, kind) for home in (UNBORN, FORGOTTEN) for kind in PartKind if kind is not PartKind.GROUP
    }
    yard.plant(NEW)
    yard.mute = {"servers"}
    yard.turns(2)
    yard.turn(GRACE)
    yard.mute = set()
    yard.turns(2)
    yard.turn(GRACE + INTERVAL)
    assert yard.parts == made


def test_a_domain_that_cannot_be_understood_shields_what_has_its_slot_and_nothing_else(yard):
    shielded, stray = yard.part(FORGOTTEN), yard.part(f"i-{SLOT + 1:03x}-1-1")
    yard.sweep = yard.swept_by(Puzzled(yard.here.store))
    yard.turns(5)
    assert stray not in yard.parts
    assert shielded in yard.parts


class Puzzled:
    """In front of the store: domain web was written by a newer release."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    def views(self, keys):
        for key, view in self._inner.views(keys):
            yield key, BadMessage("format 2") if key == WEB else view
