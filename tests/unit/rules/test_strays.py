"""Whose a server is that carries a mark; how many strays may go at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.model.assignment import Layout
from elastic.model.instance import Attempt
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.server import Mark, Server, ServerStatus
from elastic.model.view import Standing
from elastic.rules.strays import (
    Claim,
    allowance,
    claim,
    claim_of_part,
    doubles,
    home_of,
    instance_id,
    number_of,
    ripe,
)
from tests.unit.rules.views import WEB, record, view

LAYOUT = Layout("uid", 256)
TWO_WISHED = Standing(next_number=3)
ONE, TWO, THREE = "i-001-1-1", "i-001-1-2", "i-001-1-3"


def server(name: str = ONE, server_id: str = "s-1", cluster: str = "uid", incarnation: int = 1) -> Server:
    return Server(
        server_id=server_id,
        site="north",
        mark=Mark(cluster, WEB, incarnation, name),
        status=ServerStatus.ACTIVE,
    )


def kept(*records: Any, **of_domain: Any) -> Any:
    return view(records, TWO_WISHED, **of_domain)


CLAIMS = [
    ("a server of another cluster", server(cluster="other"), kept(), Claim.FOREIGN),
    ("one of another cluster, from the future", server(cluster="other", incarnation=9), None, Claim.FOREIGN),
    ("the recorded one", server(), kept(record(ONE, server_id="s-1")), Claim.OURS),
    ("the recorded one of one that leaves", server(), kept(record(ONE, 700, server_id="s-1")), Claim.OURS),
    ("one of a record without a server yet", server(), kept(record(ONE, 200)), Claim.OURS),
    ("one of a wish that was not tried yet", server(), kept(record(ONE, 100)), Claim.OURS),
    ("one of a record that leaves without a server", server(), kept(record(ONE, 700)), Claim.OURS),
    ("another than the recorded one", server(server_id="s-2"), kept(record(ONE, server_id="s-1")), Claim.STRAY),
    (
        "a double of one that is over",
        server(server_id="s-2"),
        kept(record(ONE, 800, server_id="s-1")),
        Claim.STRAY,
    ),
    ("the recorded one of one that is over", server(), kept(record(ONE, 800, server_id="s-1")), Claim.STRAY),
    ("one of a record that failed without it", server(), kept(record(ONE, 900)), Claim.STRAY),
    ("one of a rejected record", server(), kept(record(ONE, 950)), Claim.STRAY),
    ("one whose record was forgotten", server(TWO), kept(record(ONE)), Claim.STRAY),
    ("one numbered above all that were wished", server(THREE), kept(record(ONE)), Claim.FROM_THE_FUTURE),
    ("one whose domain was forgotten", server(), None, Claim.STRAY),
    ("one of an incarnation above the counter", server(incarnation=3), kept(), Claim.FROM_THE_FUTURE),
    ("one of a forgotten domain, above the counter", server(incarnation=3), None, Claim.FROM_THE_FUTURE),
    ("one of the incarnation before", server(), kept(record(ONE, server_id="s-1"), incarnation=2), Claim.STRAY),
]


@pytest.mark.hazard("F2")
@pytest.mark.parametrize(("found", "shown", "expected"), [pytest.param(*row[1:], id=row[0]) for row in CLAIMS])
def test_whose_it_is(found, shown, expected):
    assert claim(found, LAYOUT, shown, incarnation=2) is expected


@pytest.mark.hazard("F2")
@pytest.mark.parametrize("state", [100, 200, 300, 400, 500, 600, 650, 700])
@pytest.mark.parametrize("attempt", [None, Attempt(1, 1.0), Attempt(2, 1.0, open=False)])
def test_a_living_record_without_a_server_has_no_strays(state, attempt):
    assert claim(server(), LAYOUT, kept(record(ONE, state, attempt=attempt)), 1) is Claim.OURS


@pytest.mark.parametrize(
    ("strays", "servers", "allowed"),
    [(0, 0, 0), (2, 2, 2), (3, 3, 3), (4, 4, 3), (9, 79, 3), (9, 80, 4), (9, 100, 5), (100, 1000, 50)],
)
def test_three_may_go_at_once_or_five_percent(strays, servers, allowed):
    assert allowance(strays, servers) == allowed


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_never_more_than_three_or_five_percent_go_at_once(strays, servers):
    assert 0 <= allowance(strays, servers) <= min(strays, max(3, servers * 0.05))


@pytest.mark.parametrize(("now", "is_ripe"), [(100, False), (159.9, False), (160, True), (50, False)])
def test_a_sighting_counts_twice_only_a_grace_apart(now, is_ripe):
    assert ripe(100, now, 60) is is_ripe


@given(st.integers(0, 4095), st.integers(1, 10**6), st.integers(1, 10**9))
def test_the_number_can_be_read_from_the_id(slot, incarnation, number):
    assert number_of(instance_id(slot, incarnation, number)) == number


def test_an_id_says_where_it_is_from():
    assert instance_id(0x3FA, 12, 7) == "i-3fa-12-7"


@pytest.mark.parametrize("stranger", ["", "web", "i-3fa-12-", "i-3fa-12-x", "i-3fa-12-²"])
def test_an_id_that_is_none_of_ours_has_number_nought(stranger):
    assert number_of(stranger) == 0


@pytest.mark.hazard("F2")
def test_a_double_is_one_whose_living_record_names_another():
    shown = kept(record(ONE, server_id="s-1"), record(TWO, 200), record(THREE, 800, server_id="s-3"))
    servers = [
        server(ONE, "s-1"),
        server(ONE, "s-9"),
        server(TWO, "s-8"),
        server(THREE, "s-7"),
        server("i-001-1-99", "s-6"),
    ]
    assert [s.server_id for s in doubles(servers, shown)] == ["s-9"]


def test_one_that_is_leaving_may_have_a_double_too():
    shown = kept(record(ONE, 700, server_id="s-1"))
    assert [s.server_id for s in doubles([server(ONE, "s-1"), server(ONE, "s-2")], shown)] == ["s-2"]


@pytest.mark.parametrize(
    ("known", "whose"),
    [
        ({}, Claim.OURS),
        ({"attempt": Attempt(1, 1.0)}, Claim.OURS),
        ({"attempt": Attempt(1, 1.0, open=False), "server_id": "s-1"}, Claim.STRAY),
    ],
)
def test_what_is_on_no_record_may_be_for_the_next_attempt_until_there_is_a_server(known, whose):
    """Its type asked for a volume when it was made, and asks for none any more."""
    disk = FoundPart(site="north", cluster="uid", home=ONE, part=Part(PartKind.VOLUME, "volume-1"))
    assert claim_of_part(disk, home_of(ONE), LAYOUT, kept(record(ONE, 300, **known)), 1) is whose
