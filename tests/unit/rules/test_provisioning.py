"""The one next thing to do for an instance, row by row; and what must never be done, whatever is known."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.model.domain import DomainKey
from elastic.model.instance import Attempt, Instance
from elastic.model.parts import Part, PartKind
from elastic.model.recipe import Recipe
from elastic.model.server import Mark, Server, ServerStatus
from elastic.model.states import Health, InstanceState
from elastic.rules.dossier import Dossier, Look, Patience, Prepared
from elastic.rules.provisioning import DISAPPEARED, MOST_ATTEMPTS, next_step
from elastic.rules.steps import (
    Address,
    Adopt,
    Check,
    Clear,
    Create,
    Delete,
    Keep,
    Listen,
    LookUp,
    Move,
    Prepare,
    Release,
    Settle,
    Step,
    Wait,
)
from tests.unit.asking import STATES

NOW = 1000.0
PATIENCE = Patience(settle=30, boot_timeout=300, turn=10, redelete=5, poll=1)
MARK = Mark("uid", DomainKey("ann", "web"), 1, "i-001-1-1")
FAILED, REJECTED = InstanceState.FAILED, InstanceState.REJECTED
TERMINATED, STARTED = InstanceState.TERMINATED, InstanceState.STARTED
RUNNING_FAILED = InstanceState.RUNNING_FAILED


def server(server_id: str = "s-1", status: str = "BUILD", **rest: Any) -> Server:
    return Server(server_id=server_id, site="north", mark=MARK, status=ServerStatus(status), **rest)


def record(state: int, **rest: Any) -> Instance:
    """`open` and `closed`: the number of its attempt; `s`: the server on record. Its version is 7."""
    attempt = None
    if "open" in rest:
        attempt = Attempt(rest.pop("open"), 1.0)
    elif "closed" in rest:
        attempt = Attempt(rest.pop("closed"), 1.0, open=False)
    server_id = rest.pop("s", None)
    return Instance(
        instance_id="i-001-1-1",
        site="north",
        deployable_type="t",
        state=STATES[str(state)],
        attempt=attempt,
        server_id=server_id,
        version=7,
        **rest,
    )


def look(begun: float, *servers: Server, version: int = 7) -> Look:
    return Look(begun, version, servers)


def step(instance: Instance, known: dict[str, Any]) -> Step:
    """Of a cloud that needs no preparation, unless `known` says otherwise."""
    return next_step(instance, Dossier(**{"prepared": Prepared(), **known}), PATIENCE, NOW)


A, B = server("s-1", created=5), server("s-2", created=4)
REFUSED = {"refused": (FAILED, "no room")}

ANYBODY = [
    ("a call that has not returned is waited for", record(100), {"under_way": True}, Wait()),
    ("so it is by one that is over", record(900, s="s-1", leftover=True), {"under_way": True}, Wait()),
    ("a cloud that did not answer is left alone", record(100), {"wait_until": 1003}, Wait(1003)),
    ("and asked again when that is over", record(100), {"wait_until": NOW}, LookUp()),
]

NO_SERVER_YET = [
    ("a new wish is looked up first: another may have made it", record(100), {}, LookUp()),
    ("an empty look lets it be created", record(100), {"look": look(999)}, Create(1, 7)),
    ("a look of another version counts for nothing", record(100), {"look": look(999, version=6)}, LookUp()),
    ("what a look shows is adopted", record(100), {"look": look(999, A)}, Adopt(A)),
    ("of two, the older one", record(100), {"look": look(999, A, B)}, Adopt(B)),
    (
        "of two of one age, the lower id",
        record(100),
        {"look": look(999, server("s-9"), server("s-3"))},
        Adopt(server("s-3")),
    ),
    ("our own server is adopted without a look", record(200, open=1), {"made": A, "attempt_since": NOW}, Adopt(A)),
    ("a refusal ends it", record(200, open=1), REFUSED, Move(FAILED, "no room")),
    (
        "a wrong order ends it for good",
        record(200, open=1),
        {"refused": (REJECTED, "no image")},
        Move(REJECTED, "no image"),
    ),
    ("a server that was made counts more than a refusal", record(200, open=1), {"made": A, **REFUSED}, Adopt(A)),
    ("a create that did not go out is settled", record(200, open=1), {"not_sent": True}, Settle()),
    ("an open attempt is waited out", record(200, open=1), {"attempt_since": 980}, Wait(1010)),
    (
        "also if a look was made meanwhile",
        record(200, open=1),
        {"attempt_since": 980, "look": look(999)},
        Wait(1010),
    ),
    ("then there is a look", record(200, open=1), {"attempt_since": 970}, LookUp()),
    (
        "a look begun before that is not enough",
        record(200, open=1),
        {"attempt_since": 965, "look": look(994.9)},
        LookUp(),
    ),
    (
        "a look begun at that very moment is",
        record(200, open=1),
        {"attempt_since": 965, "look": look(995)},
        Create(2, 7),
    ),
    (
        "what turned up late is adopted, and no second made",
        record(200, open=1),
        {"attempt_since": 965, "look": look(996, A)},
        Adopt(A),
    ),
    (
        "a settled attempt need not be waited out",
        record(300, closed=1),
        {"attempt_since": 999, "look": look(999)},
        Create(2, 7),
    ),
    ("but it needs a look of its own", record(300, closed=1), {"look": look(999, version=6)}, LookUp()),
    (
        "after two attempts it is given up",
        record(300, open=2),
        {"attempt_since": 960, "look": look(995)},
        Move(FAILED, "the cloud did not make it in 2 attempts"),
    ),
    (
        "unless the second turned up after all",
        record(300, open=2),
        {"attempt_since": 960, "look": look(995, A)},
        Adopt(A),
    ),
    ("a second one that was not sent is settled too", record(300, open=2), {"not_sent": True}, Settle()),
    ("of which none counts", record(300, closed=0), {"look": look(999)}, Create(1, 7)),
    (
        "so is one for which nothing is prepared: many are looked up at once",
        record(100),
        {"prepared": None},
        LookUp(),
    ),
    ("then what it needs is prepared", record(100), {"prepared": None, "look": look(999)}, Prepare()),
    (
        "an attempt may have made it, of a type that is gone meanwhile: it is looked for first",
        record(200, open=1),
        {"prepared": None, "attempt_since": 965},
        LookUp(),
    ),
    (
        "such a one is adopted",
        record(200, open=1),
        {"prepared": None, "attempt_since": 965, "look": look(996, A)},
        Adopt(A),
    ),
    (
        "and if there is none, all is prepared anew",
        record(200, open=1),
        {"prepared": None, "attempt_since": 965, "look": look(996)},
        Prepare(),
    ),
]

WITH_A_SERVER = [
    ("a gone one is over", record(600, s="s-1"), {"gone": True}, Move(TERMINATED, DISAPPEARED)),
    ("gone while it was coming, likewise", record(400, s="s-1"), {"gone": True}, Move(TERMINATED, DISAPPEARED)),
    ("a first 404 is not believed for a turn", record(600, s="s-1"), {"missed_at": 995}, Wait(1005)),
    ("then it is asked for again", record(600, s="s-1"), {"missed_at": 990}, Check()),
    ("absence from a listing is no evidence", record(600, s="s-1"), {"absent": True}, Check()),
    (
        "a 404 is waited out before that",
        record(600, s="s-1"),
        {"absent": True, "missed_at": 995},
        Wait(1005),
    ),
    (
        "up is up",
        record(400, s="s-1"),
        {"told": server(status="ACTIVE")},
        Move(STARTED, "the cloud reports ACTIVE"),
    ),
    (
        "an ERROR before it was up is a failure",
        record(400, s="s-1"),
        {"told": server(status="ERROR", fault="No valid host")},
        Move(FAILED, "the cloud reports ERROR: No valid host"),
    ),
    (
        "an ERROR later is one that runs no more",
        record(600, s="s-1"),
        {"told": server(status="ERROR")},
        Move(RUNNING_FAILED, "the cloud reports ERROR: no reason given"),
    ),
    ("which is said once", record(650, s="s-1"), {"told": server(status="ERROR")}, Wait()),
    (
        "one that was switched off runs no more",
        record(500, s="s-1"),
        {"told": server(status="SHUTOFF")},
        Move(RUNNING_FAILED, "the cloud reports SHUTOFF"),
    ),
    ("which is said once, too", record(650, s="s-1"), {"told": server(status="SHUTOFF")}, Wait()),
    (
        "one that is off before it was up may come yet",
        record(400, s="s-1"),
        {"since": 900, "told": server(status="SHUTOFF")},
        Wait(1200.001),
    ),
    (
        "the word about another server counts for nothing",
        record(400, s="s-1"),
        {"since": 900, "told": server("s-2", "ACTIVE")},
        Wait(1200.001),
    ),
    (
        "a new address is taken over",
        record(600, s="s-1", public_ip="1.1.1.1"),
        {"told": server(status="ACTIVE", public_ip="2.2.2.2")},
        Address(server(status="ACTIVE", public_ip="2.2.2.2")),
    ),
    (
        "so is a host name",
        record(600, s="s-1"),
        {"told": server(status="ACTIVE", hostname="h")},
        Address(server(status="ACTIVE", hostname="h")),
    ),
    (
        "an address that is not told is not lost",
        record(600, s="s-1", public_ip="1.1.1.1"),
        {"told": server(status="ACTIVE")},
        Wait(),
    ),
    ("one that builds is given its time", record(400, s="s-1"), {"since": 900}, Wait(1200.001)),
    ("to the last moment", record(400, s="s-1"), {"since": 700}, Wait(1000.001)),
    ("then the cloud is asked once more", record(400, s="s-1"), {"since": 699, "told_at": 999}, Check()),
    (
        "and it is given up on the cloud's own word",
        record(400, s="s-1"),
        {"since": 699, "told_at": 999.5, "told": server()},
        Move(FAILED, "not up 300 s after the cloud accepted it"),
    ),
    ("one that started is given time to speak", record(500, s="s-1"), {"since": 900}, Wait(1200.001)),
    (
        "from when we could hear it",
        record(500, s="s-1"),
        {"since": 100, "listening_since": 950},
        Wait(1250.001),
    ),
    (
        "one that never spoke came up wrong",
        record(500, s="s-1"),
        {"since": 690, "listening_since": 600},
        Move(RUNNING_FAILED, "not heard from 300 s after it started"),
    ),
    ("one that runs needs nothing", record(600, s="s-1"), {"told": server(status="ACTIVE")}, Wait()),
    ("one that failed waits for the decider", record(650, s="s-1"), {}, Wait()),
]

LEAVING = [
    (
        "one that was never tried is gone at once",
        record(700),
        {},
        Move(TERMINATED, "it never had a server"),
    ),
    ("what our own create made is adopted, so that it can go", record(700, open=1), {"made": A}, Adopt(A)),
    ("one under way is waited out", record(700, open=1), {"attempt_since": 980}, Wait(1010)),
    ("so is a settled one", record(700, closed=1), {"attempt_since": 980}, Wait(1010)),
    ("and looked for", record(700, open=1), {"attempt_since": 960}, LookUp()),
    (
        "by a look begun after the settle",
        record(700, open=1),
        {"attempt_since": 960, "look": look(989)},
        LookUp(),
    ),
    (
        "of the record as it is",
        record(700, open=1),
        {"attempt_since": 960, "look": look(995, version=6)},
        LookUp(),
    ),
    (
        "what that shows is adopted before it is deleted",
        record(700, open=1),
        {"attempt_since": 960, "look": look(995, A, B)},
        Adopt(B),
    ),
    (
        "when it shows nothing, it is over",
        record(700, open=1),
        {"attempt_since": 960, "look": look(990)},
        Move(TERMINATED, "its server is gone"),
    ),
    ("its server is deleted", record(700, closed=1, s="s-1"), {}, Delete("s-1")),
    ("then it is asked for", record(700, closed=1, s="s-1"), {"deleted_at": 996}, Check()),
    ("a delete is repeated after a while", record(700, closed=1, s="s-1"), {"deleted_at": 995}, Delete("s-1")),
    (
        "a 404 is not believed for a turn",
        record(700, closed=1, s="s-1"),
        {"deleted_at": 999, "missed_at": 999},
        Wait(1009),
    ),
    (
        "a turn later it is asked again",
        record(700, closed=1, s="s-1"),
        {"deleted_at": 999, "missed_at": 990},
        Check(),
    ),
    ("gone, it is looked for once more", record(700, closed=1, s="s-1"), {"gone": True}, LookUp()),
    (
        "by a look begun after the delete",
        record(700, closed=1, s="s-1"),
        {"gone": True, "deleted_at": 995, "look": look(994)},
        LookUp(),
    ),
    (
        "empty: it is over",
        record(700, closed=1, s="s-1"),
        {"gone": True, "deleted_at": 995, "look": look(996)},
        Move(TERMINATED, "its server is gone"),
    ),
    (
        "a double that the look shows is deleted",
        record(700, closed=1, s="s-1"),
        {"gone": True, "look": look(996, server("s-2"))},
        Delete("s-2"),
    ),
    (
        "not twice at once",
        record(700, closed=1, s="s-1"),
        {"gone": True, "deleted_at": 999, "look": look(999.5, server("s-2"))},
        Wait(1000.5),
    ),
    (
        "but looked for until it is gone",
        record(700, closed=1, s="s-1"),
        {"gone": True, "deleted_at": 998, "look": look(998.5, server("s-2"))},
        LookUp(),
    ),
]

OVER = [
    ("what is over needs nothing", record(800, closed=1, s="s-1"), {}, Wait()),
    ("nor does one that failed without a server", record(900), {}, Wait()),
    ("what a failure left over is deleted", record(900, closed=1, s="s-1", leftover=True), {}, Delete("s-1")),
    ("and asked for", record(900, closed=1, s="s-1", leftover=True), {"deleted_at": 998}, Check()),
    ("and looked for", record(900, closed=1, s="s-1", leftover=True), {"gone": True}, LookUp()),
    (
        "and then that is cleared",
        record(900, closed=1, s="s-1", leftover=True),
        {"gone": True, "look": look(999)},
        Clear(),
    ),
    ("one that still talks is looked for", record(800, closed=1, health=Health.ZOMBIE), {}, LookUp()),
    (
        "by a look of late",
        record(800, closed=1, health=Health.ZOMBIE),
        {"look": look(989)},
        LookUp(),
    ),
    (
        "what that shows is deleted, not adopted",
        record(800, closed=1, health=Health.ZOMBIE),
        {"look": look(995, A)},
        Delete("s-1"),
    ),
    (
        "if it shows nothing there is another look a turn later",
        record(800, closed=1, health=Health.ZOMBIE),
        {"look": look(995)},
        Wait(1010),
    ),
]


PORT, DISK, GROUP = Part(PartKind.PORT, "p"), Part(PartKind.VOLUME, "v"), Part(PartKind.GROUP, "g")
PARTS = (PORT, DISK, GROUP)
READY = Prepared(Recipe(flavor="tiny", image="cirros"), {}, PARTS)


def gone(*parts: Part) -> frozenset[str]:
    return frozenset(part.part_id for part in parts)


WITH_PARTS = [
    ("its parts are made first", record(100), {"prepared": None, "look": look(999)}, Prepare()),
    ("also before a second attempt", record(300, closed=1), {"prepared": None, "look": look(999)}, Prepare()),
    (
        "but not while one may be under way",
        record(200, open=1),
        {"prepared": None, "attempt_since": 980},
        Wait(1010),
    ),
    (
        "then it is created: nobody can have sent a create since the look without changing the record",
        record(100),
        {"prepared": READY, "look": look(900)},
        Create(1, 7, READY),
    ),
    ("what was looked for under another version is looked for again", record(100), {"prepared": READY}, LookUp()),
    (
        "a part that is not ready yet is asked for again",
        record(100),
        {"prepared": None, "unready": "volume v-1 is creating", "since": NOW - 299, "look": look(999)},
        Prepare(),
    ),
    (
        "for as long as a boot may take",
        record(100),
        {"prepared": None, "unready": "volume v-1 is creating", "since": NOW - 301, "look": look(999)},
        Move(FAILED, "not prepared within 300 s: volume v-1 is creating"),
    ),
    (
        "a cloud that does not answer makes nobody fail",
        record(100),
        {"prepared": None, "since": NOW - 3000, "look": look(999)},
        Prepare(),
    ),
    (
        "what its type cannot have ends it before anything was asked for",
        record(100),
        {"prepared": None, "refused": (REJECTED, "no such flavor")},
        Move(REJECTED, "no such flavor"),
    ),
    ("of one that leaves its server goes first", record(700, closed=1, s="s-1", parts=PARTS), {}, Delete("s-1")),
    (
        "then, once that is gone, the rest",
        record(700, closed=1, s="s-1", parts=PARTS),
        {"gone": True, "look": look(999)},
        Release(PORT),
    ),
    (
        "one after another",
        record(700, closed=1, s="s-1", parts=PARTS),
        {"released": gone(PORT), "gone": True, "look": look(999)},
        Release(DISK),
    ),
    (
        "what its domain shares stays with the domain",
        record(700, closed=1, s="s-1", parts=PARTS),
        {"released": gone(PORT, DISK), "gone": True, "look": look(999)},
        Move(TERMINATED, "its server is gone"),
    ),
    (
        "and goes with it",
        record(700, closed=1, s="s-1", parts=PARTS),
        {"released": gone(PORT, DISK), "gone": True, "look": look(999), "shared_stays": False},
        Release(GROUP),
    ),
    (
        "of one that may be under way the port goes first",
        record(700, open=1, parts=(PORT,)),
        {"attempt_since": NOW},
        Release(PORT),
    ),
    (
        "unless a server has taken it: then that is waited for",
        record(700, open=1, parts=(PORT,)),
        {"attempt_since": 980, "in_use": gone(PORT)},
        Wait(1010),
    ),
    (
        "what was made for it and not yet recorded goes as well",
        record(700),
        {"prepared": READY},
        Release(PORT),
    ),
    (
        "of one that went wrong its last words are asked for first",
        record(700, closed=1, s="s-1", went_wrong=True),
        {},
        Listen(),
    ),
    (
        "and written down",
        record(900, closed=1, s="s-1", leftover=True, went_wrong=True),
        {"console": "panic"},
        Keep("panic"),
    ),
    (
        "if there are any",
        record(900, closed=1, s="s-1", leftover=True, went_wrong=True),
        {"console": ""},
        Delete("s-1"),
    ),
    (
        "and then it goes",
        record(700, closed=1, s="s-1", went_wrong=True, console="panic"),
        {"console": "panic"},
        Delete("s-1"),
    ),
    (
        "what a failure left of parts is released",
        record(900, closed=1, parts=PARTS, leftover=True),
        {},
        Release(PORT),
    ),
    (
        "and then that is cleared",
        record(900, closed=1, parts=PARTS, leftover=True),
        {"released": gone(PORT, DISK), "look": look(999)},
        Clear(),
    ),
]


@pytest.mark.parametrize(
    ("instance", "known", "expected"),
    [
        pytest.param(*row[1:], id=row[0])
        for row in ANYBODY + NO_SERVER_YET + WITH_A_SERVER + LEAVING + OVER + WITH_PARTS
    ],
)
def test_the_next_step(instance, known, expected):
    assert step(instance, known) == expected


# Everything that can be known, in every combination: each property holds over all of it.

SETTLED_AT = 990.0
EVERY_RECORD = {
    "state": list(InstanceState),
    "attempt": [None, *(Attempt(n, 1.0, open=is_open) for n in (1, 2) for is_open in (True, False))],
    "server_id": [None, "s-1"],
    "leftover": [False, True],
}
EVERY_DOSSIER = {
    "attempt_since": [SETTLED_AT - PATIENCE.settle, NOW - 1],
    "look": [None, look(999, version=6), look(SETTLED_AT - 1), look(995), look(995, B), look(995, A, B)],
    "made": [None, A],
    "refused": [None, (FAILED, "no room")],
    "not_sent": [False, True],
    "gone": [False, True],
    "deleted_at": [None, 996.0, 980.0],
    "missed_at": [None, 985.0],
    "absent": [False, True],
}
Case = tuple[Instance, Dossier, Step]


def combinations(values: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    def named(fields: dict[str, Any]) -> Instance:
        return Instance(instance_id="i-001-1-1", site="north", deployable_type="t", version=7, **fields)

    records = [named(fields) for fields in combinations(EVERY_RECORD)]
    told = server(status="BUILD")
    dossiers = [Dossier(told=told, prepared=Prepared(), **fields) for fields in combinations(EVERY_DOSSIER)]
    return [(i, known, next_step(i, known, PATIENCE, NOW)) for i in records for known in dossiers]


@pytest.fixture(scope="module")
def cases_with_parts(cases) -> list[Case]:
    """Each record that may have an end, with a port and a volume, one of them, both or none of which is gone."""
    some = [
        (i, known) for i, known, found in cases if i.attempt and isinstance(found, Delete | Move | Clear | Create)
    ]
    asked = [
        (replace(i, parts=(PORT, DISK)), replace(known, released=released))
        for i, known in some[::7]
        for released in (gone(), gone(PORT), gone(DISK), gone(PORT, DISK))
    ]
    return [(i, known, next_step(i, known, PATIENCE, NOW)) for i, known in asked]


def those(cases: list[Case], kind: type) -> list[Case]:
    found = [case for case in cases if isinstance(case[2], kind)]
    assert found
    return found


@pytest.mark.hazard("F5")
def test_nothing_is_created_but_after_an_empty_look_at_what_is_settled(cases):
    for instance, known, found in those(cases, Create):
        assert instance.server_id is None
        assert not instance.state.is_over
        assert (known.look.servers, known.look.version, found.version) == ((), 7, 7)
        is_unsettled = instance.attempt is not None and instance.attempt.open
        assert not is_unsettled or known.look.begun >= known.attempt_since + PATIENCE.settle


@pytest.mark.hazard("F5")
def test_there_are_never_more_than_two_attempts(cases):
    for instance, _, found in those(cases, Create):
        assert found.n == (instance.attempt.n if instance.attempt else 0) + 1 <= MOST_ATTEMPTS


@pytest.mark.hazard("F6")
def test_one_that_was_tried_and_is_to_go_is_over_only_when_its_absence_is_proved(cases):
    for instance, known, found in those(cases, Move):
        if instance.state is not InstanceState.TERMINATING or instance.attempt is None:
            continue
        assert found.state is TERMINATED
        assert (known.look.servers, known.look.version) == ((), 7)
        assert known.look.begun >= max(known.attempt_since + PATIENCE.settle, known.deleted_at or 0.0)
        assert known.gone or instance.server_id is None


def test_what_a_failure_left_over_is_cleared_only_when_its_absence_is_proved(cases):
    for instance, known, _ in those(cases, Clear):
        assert instance.leftover
        assert known.gone or instance.server_id is None
        assert (known.look.servers, known.look.version) == ((), 7)


def test_a_server_is_adopted_only_where_none_is_on_record_yet(cases):
    for instance, known, found in those(cases, Adopt):
        assert instance.server_id is None
        assert not instance.state.is_final
        assert found.server in (known.made, *(known.look.servers if known.look else ()))


@pytest.mark.hazard("F1")
def test_nothing_of_one_that_is_wanted_is_ever_deleted(cases):
    for instance, _, _ in those(cases, Delete):
        assert instance.state.is_over


@pytest.mark.hazard("F25")
def test_where_a_create_may_be_under_way_nothing_is_waited_for_before_its_port_is_gone(cases_with_parts):
    for instance, known, found in cases_with_parts:
        is_going = instance.state is InstanceState.TERMINATING and not known.made
        if is_going and instance.server_id is None and not isinstance(found, Release):
            assert PORT.part_id in known.released


@pytest.mark.hazard("F25")
def test_what_is_over_leaves_no_part_behind(cases_with_parts):
    for instance, known, found in (*those(cases_with_parts, Move), *those(cases_with_parts, Clear)):
        if isinstance(found, Clear) or instance.state is InstanceState.TERMINATING:
            assert known.released == gone(PORT, DISK)


@pytest.mark.hazard("F4")
def test_a_server_that_is_to_be_up_is_gone_only_by_the_clouds_own_word(cases):
    for instance, known, found in those(cases, Move):
        assert instance.state.is_over or found.state is not TERMINATED or known.gone


def test_a_step_never_leads_backwards(cases):
    for instance, _, found in those(cases, Move):
        assert found.state > instance.state


def test_a_wait_never_ends_in_the_past(cases):
    for _, _, found in those(cases, Wait):
        assert found.until is None or found.until > NOW


@pytest.mark.hazard("F5")
def test_a_look_of_another_version_counts_for_nothing(cases):
    for instance, known, found in cases:
        if known.look is not None and known.look.version != instance.version:
            assert next_step(instance, replace(known, look=None), PATIENCE, NOW) == found
