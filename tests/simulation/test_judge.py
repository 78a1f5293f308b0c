"""The judge itself: what it lets pass, and what it does not. Evidence by hand, a line a happening."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from elastic.adapters.cloud.weather import Entry, Happened
from elastic.model.domain import DomainKey
from elastic.model.server import Mark
from tests.simulation import judge
from tests.simulation.evidence import Evidence
from tests.simulation.ledger import Account, Ledger, Listing, Mute, Shown
from tests.simulation.server import FIRST, Written
from tests.simulation.world import Look

WEB = DomainKey("ann", "web")


def entry(time: float, what: str, server: str, instance: str = "i-1", cluster: str = "world") -> Entry:
    mark = Mark(cluster, WEB, 1, instance)
    return Entry(time=time, what=Happened(what), server_id=server, site="site", mark=mark)


def life(server: str, instance: str = "i-1", at: float = 10.0) -> list[Entry]:
    return [entry(at, "created", server, instance), entry(at + 2, "active", server, instance)]


def death(server: str, instance: str = "i-1", at: float = 50.0) -> list[Entry]:
    return [entry(at, "delete-asked", server, instance), entry(at + 1, "gone", server, instance)]


def ledger(**known: Any) -> Ledger:
    made = Ledger()
    made.accounts["ann:web"].sizes = {1}
    made.listings.append(Listing(198.0, 199.0, frozenset({"ann:web"})))
    made.sizes_over_time["ann:web"].append((0.0, 1))
    for name, value in known.items():
        setattr(made, name, value)
    return made


def evidence(journal: list[Entry], **other: Any) -> Evidence:
    given = {
        "ledger": ledger(),
        "log": (),
        "looks": (),
        "live": Counter({"ann:web": 1}),
        "is_slow": False,
        "clocks_stepped": False,
        "peace_at": 100.0,
        "ended_at": 200.0,
        "faults": (),
        "ailments": (),
        "absent": (),
        "ill": (),
    }
    seen = Evidence(journal=sorted(journal, key=lambda e: e.time), **{**given, **other})
    there = {e.server_id for e in journal} - {e.server_id for e in journal if e.what in judge.ENDED}
    seen.ledger.shown.setdefault("ann:web", Shown(199.0, seen.live["ann:web"], frozenset(there)))
    return seen


def gave_up(count: int, at: float = 40.0) -> Ledger:
    made = ledger()
    made.given_up["ann:web"].append((at, count))
    return made


def long_known(**known: Any) -> Ledger:
    """A domain that was answered for at 5 s, and that no client asked anything of since."""
    made = ledger(**known)
    made.accounts["ann:web"].told(5.0)
    return made


def muted(count: int, ran: bool = True) -> Ledger:
    """`ran`: clients were told so before."""
    names = frozenset(f"i-{n}" for n in range(count))
    sizes = {"ann:web": [(0.0, count)]}
    told = {name: {f"s-{name[2:]}": 20.0} for name in names} if ran else {}
    return ledger(mutes=[Mute("ann:web", names, 45.0, 60.0)], sizes_over_time=sizes, told=told)


def many_deaths(count: int) -> list[Entry]:
    return [
        e for n in range(count) for e in (*life(f"s-{n}", f"i-{n}"), *death(f"s-{n}", f"i-{n}", 50.0 + n / 10))
    ]


gone = Listing(60.0, 61.0, frozenset())
foreign = Mark("another world", WEB, 1, "i-9")

# what happened, and the beginning of what the judge says of it; "": nothing
CASES: dict[str, tuple[Callable[[], Evidence], str]] = {
    "one server, and it lives": (lambda: evidence(life("s-1")), ""),
    "one after the other": (
        lambda: evidence([*life("s-1"), *death("s-1"), *life("s-2", at=60)], ledger=gave_up(1)),
        "",
    ),
    "two at a time": (
        lambda: evidence([*life("s-1"), *life("s-2", at=20), *death("s-2")]),
        "P1: i-1 has 2 servers",
    ),
    "two at a time of a cloud that broke its promise": (
        lambda: evidence([*life("s-1"), *life("s-2", at=20), *death("s-2")], is_slow=True),
        "",
    ),
    "three at a time": (
        lambda: evidence([*life("s-1"), *life("s-2"), *life("s-3"), *death("s-2"), *death("s-3")], is_slow=True),
        "P1: i-1 has 3 servers",
    ),
    "two in the end": (
        lambda: evidence([*life("s-1"), *life("s-2")], is_slow=True),
        "P2: in the end i-1 has 2 servers",
    ),
    "too few in the end": (
        lambda: evidence([], live=Counter()),
        "P9: in the end ann:web has 0 servers, and should have 1",
    ),
    "nobody is answered in the end": (
        lambda: evidence(life("s-1"), ledger=ledger(listings=[])),
        "P9: in the end no client is answered",
    ),
    "an answered one is not there": (
        lambda: evidence(life("s-1"), ledger=ledger(listings=[Listing(198.0, 199.0, frozenset())])),
        "P3: ann:web was answered for",
    ),
    "a write by an old fence": (
        lambda: evidence(life("s-1"), log=[Written(20.0, "a", "commit", 3, 4)]),
        "P4: a stale write was taken: commit of a",
    ),
    "a write by the newest fence": (
        lambda: evidence(life("s-1"), log=[Written(20.0, "a", "commit", 4, 4), Written(21.0, "a", "log")]),
        "",
    ),
    "an assignment by who does not lead": (
        lambda: evidence(life("s-1"), log=[Written(20.0, "a", "assign", FIRST - 1, FIRST)]),
        "P4: a stale write was taken: assign of a",
    ),
    "a healthy one is deleted": (
        lambda: evidence([*life("s-1"), *death("s-1"), *life("s-2", at=60)]),
        "P5: healthy servers of ann:web were deleted",
    ),
    "one that was harmed is deleted": (
        lambda: evidence(
            [*life("s-1"), *death("s-1"), *life("s-2", "i-2", at=60)], ledger=ledger(harmed={"i-1": 40.0})
        ),
        "",
    ),
    "one is deleted before its client gives it up": (
        lambda: evidence([*life("s-1"), *death("s-1"), *life("s-2", "i-2", at=60)], ledger=gave_up(1, at=55.0)),
        "P5: healthy servers of ann:web were deleted",
    ),
    "one is deleted long after a client gave one up": (
        lambda: evidence(
            [*life("s-1"), *death("s-1", at=90.0)], live=Counter({"ann:web": 1}), ledger=gave_up(1, at=20.0)
        ),
        "P5: healthy servers of ann:web were deleted",
    ),
    "one is deleted before it is harmed": (
        lambda: evidence(
            [*life("s-1"), *death("s-1"), *life("s-2", "i-2", at=60)], ledger=ledger(harmed={"i-1": 60.0})
        ),
        "P5: healthy servers of ann:web were deleted",
    ),
    "one is deleted long after its silence": (
        lambda: evidence([*life("s-0", "i-0"), *death("s-0", "i-0", at=150.0)], ledger=muted(1)),
        "P5: healthy servers of ann:web were deleted",
    ),
    "one that has a double is deleted, and clients know of it": (
        lambda: evidence(
            [*life("s-1"), *life("s-2", at=20), *death("s-1")],
            ledger=ledger(told={"i-1": {"s-1": 30.0}}, planted={"s-2"}),
        ),
        "P5: what ran in ann:web was deleted (s-1 of i-1",
    ),
    "its double is deleted": (
        lambda: evidence(
            [*life("s-1"), *life("s-2", at=20), *death("s-2")],
            ledger=ledger(told={"i-1": {"s-1": 30.0}}, planted={"s-2"}),
        ),
        "",
    ),
    "what was left of one that is over is deleted": (
        lambda: evidence(
            [*life("s-1"), *life("s-2", "i-2"), *death("s-2", "i-2")], ledger=ledger(planted={"s-2"})
        ),
        "",
    ),
    "a broken one is left": (
        lambda: evidence([*life("s-1"), *life("s-2", "i-2", at=60), entry(30.0, "killed", "s-1")]),
        "P2: in the end i-1 has a broken server: s-1",
    ),
    "one that was answered to be terminated lives": (
        lambda: evidence(life("s-1"), ledger=ledger(dismissed={"i-1"})),
        "P3: i-1 was answered to be terminated",
    ),
    "clients are told of a server that is not there": (
        lambda: evidence(
            [*life("s-1"), *death("s-1")],
            ledger=ledger(
                shown={"ann:web": Shown(199.0, 1, frozenset({"s-1"}))}, given_up={"ann:web": [(40.0, 1)]}
            ),
        ),
        "P2: in the end s-1 of ann:web: there and not told of",
    ),
    "clients are told of another size": (
        lambda: evidence(life("s-1"), ledger=ledger(shown={"ann:web": Shown(199.0, 2, frozenset({"s-1"}))})),
        "P8: in the end ann:web has 1 servers, and is to have 2",
    ),
    "clients are told nothing of it in the end": (
        lambda: evidence(life("s-1"), ledger=ledger(shown={"ann:web": Shown(99.0, 1, frozenset({"s-1"}))})),
        "P9: in the end no client is told of ann:web",
    ),
    "an answered one is not shown for a while": (
        lambda: evidence(
            life("s-1"),
            ledger=long_known(
                listings=[Listing(50.0, 51.0, frozenset()), Listing(198.0, 199.0, frozenset({"ann:web"}))]
            ),
        ),
        "P3: ann:web was answered for, and not shown at 51.0",
    ),
    "one that clients know of is deleted, though the cloud is slow": (
        lambda: evidence(
            [*life("s-1"), *life("s-2", at=20), *death("s-1")],
            ledger=ledger(told={"i-1": {"s-1": 30.0}}),
            is_slow=True,
        ),
        "P5: what ran in ann:web was deleted (s-1 of i-1",
    ),
    "clients are told of another server": (
        lambda: evidence(life("s-1"), ledger=ledger(told={"i-1": {"s-1": 30.0, "s-2": 40.0}})),
        "P1: i-1 was told to have one server, and then another",
    ),
    "all of eight that fell silent are deleted at once": (
        lambda: evidence([*many_deaths(8), *life("s-9", "i-9", at=60)], ledger=muted(8)),
        "P5: 8 of ann:web were deleted at once",
    ),
    "three of those that fell silent are deleted": (
        lambda: evidence([*many_deaths(3), *life("s-9", "i-9", at=60)], ledger=muted(8)),
        "",
    ),
    "eight that never came up as far as anybody knew are given up at once": (
        lambda: evidence([*many_deaths(8), *life("s-9", "i-9", at=60)], ledger=muted(8, ran=False)),
        "",
    ),
    "a foreign one is deleted": (
        lambda: evidence(
            [*life("s-1"), entry(50.0, "delete-asked", "s-9", cluster="another world")],
            ledger=ledger(foreign={"s-9"}),
        ),
        "P6: s-9, which is not ours, was deleted",
    ),
    "a removed one has a server": (
        lambda: evidence(
            [*life("s-1"), *death("s-1", at=80.0)],
            ledger=ledger(listings=[gone], given_up={"ann:web": [(40.0, 1)]}),
            live=Counter({"ann:web": 1}),
        ),
        "P7: ann:web was shown to be gone at 61.0, and s-1 lives",
    ),
    "a removed one gets a server": (
        lambda: evidence(
            [*life("s-1"), *death("s-1", at=50.0), *life("s-2", "i-2", at=70.0)],
            ledger=ledger(listings=[gone], given_up={"ann:web": [(40.0, 1)]}),
        ),
        "P7: s-2 of ann:web was made at 70.0",
    ),
    "more than it may have": (
        lambda: evidence([*life("s-1"), *life("s-2", "i-2")]),
        "P8: ann:web has 2 that are well",
    ),
    "a loop that is late, and health green": (
        lambda: evidence(life("s-1"), looks=[Look(30.0, "a", 9.0, ())]),
        "P12: the loop of a is 9.0 s overdue",
    ),
    "a loop that is late, and health red": (
        lambda: evidence(life("s-1"), looks=[Look(30.0, "a", 9.0, ("the control loop is late",))]),
        "",
    ),
    "red in the end": (
        lambda: evidence(life("s-1"), ailments=["a: the store does not answer"]),
        "P12: in the end health is red: a",
    ),
    "one that is ill is not replaced": (
        lambda: evidence(life("s-1"), ill=["i-1"]),
        "P9: in the end i-1 is ill",
    ),
    "one is not there in the end": (
        lambda: evidence(life("s-1"), absent=["a"]),
        "P12: in the end a is not there",
    ),
    "a loop raised": (lambda: evidence(life("s-1"), faults=["a: it broke"]), "P12: a loop failed: a"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_judge_says(case: str) -> None:
    made, begins = CASES[case]
    seen = made()
    said = [sentence for rule in judge.RULES for sentence in rule(seen)]
    if begins:
        assert any(sentence.startswith(begins) for sentence in said), said
    else:
        assert said == []


def test_what_an_unanswered_call_may_have_done_is_allowed_for_a_while() -> None:
    account = ledger().accounts["ann:web"]
    account.unanswered(5, until=20.0)
    assert account.allowed == {1, 5}
    account.answered(2, now=10.0)
    assert account.allowed == {2, 5}, "it may yet be acted on"
    account.answered(3, now=30.0)
    assert account.allowed == {3}


def test_a_domain_is_surely_there_while_nobody_has_asked_for_its_end() -> None:
    account = Account({1})
    account.told(10.0)
    account.asked(None, 20.0)
    assert account.is_surely_there(11.0, 19.0)
    assert not account.is_surely_there(9.0, 19.0)
    assert not account.is_surely_there(11.0, 21.0)


def test_what_is_given_up_and_wanted_again_may_be_there_twice_for_a_while() -> None:
    known = ledger()
    known.sizes_over_time["ann:web"] = [(0.0, 5), (40.0, 5), (40.1, 0), (50.0, 4)]
    known.given_up["ann:web"] = [(40.0, 5)]
    assert known.most_lately("ann:web", 20.0, 45.0) == 5
    assert known.most_lately("ann:web", 35.0, 60.0) == 9
    assert known.most_lately("ann:web", 41.0, 60.0) == 4


def test_a_word_explains_as_many_deletions_as_it_gave_up_and_none_before_it() -> None:
    known = gave_up(2, at=40.0)
    assert known.beyond("ann:web", [41.0, 42.0]) == 0
    assert known.beyond("ann:web", [39.0, 42.0, 43.0, 44.0]) == 2
