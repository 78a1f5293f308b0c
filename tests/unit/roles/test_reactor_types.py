"""Deployable types: each owner's own, and those that are common to all."""

import pytest

from elastic.errors import BadRequest, Conflict, Denied, NotFound
from tests.unit.roles.reactors import Bench

SMALL = {"sites": {"north": {"image": "debian", "flavor": "small"}}}
LARGE = {"sites": {"north": {"image": "debian", "flavor": "large"}}}


@pytest.fixture
def bench() -> Bench:
    return Bench(operators=("root",))


def listed(bench: Bench, user: str) -> list[tuple[str, str | None]]:
    return [(row["name"], row["owner"]) for row in bench.client(user).types()]


def flavor(bench: Bench, user: str, name: str = "t", common: bool = False) -> str:
    return str(bench.client(user).type(name, common)["type"]["sites"]["north"]["flavor"])


def test_an_owners_own_is_taken_before_the_common_one(bench):
    bench.client("root").add_type("t", SMALL, common=True)
    assert flavor(bench, "ann") == "small"
    bench.client("ann").add_type("t", LARGE)
    assert (flavor(bench, "ann"), flavor(bench, "ann", common=True), flavor(bench, "bob")) == (
        "large",
        "small",
        "small",
    )
    bench.client("ann").remove_type("t")
    assert flavor(bench, "ann") == "small"


def test_each_sees_the_common_ones_and_their_own_and_operators_see_all(bench):
    bench.client("root").add_type("shared", SMALL, common=True)
    bench.client("ann").add_type("hers", SMALL)
    bench.client("bob").add_type("his", SMALL)
    assert listed(bench, "ann") == [("hers", "ann"), ("shared", None)]
    assert sorted(listed(bench, "root")) == [("hers", "ann"), ("his", "bob"), ("shared", None)]


@pytest.mark.parametrize("write", ["add_type", "update_type"])
def test_what_is_common_is_written_by_operators_alone(bench, write):
    bench.client("root").add_type("t", SMALL, common=True)
    with pytest.raises(Denied, match="only operators"):
        getattr(bench.client("ann"), write)("t", LARGE, common=True)
    with pytest.raises(Denied, match="only operators"):
        bench.client("ann").remove_type("t", common=True)
    assert flavor(bench, "ann") == "small"


def test_one_that_is_there_is_not_added_again_and_one_that_is_not_is_not_changed(bench):
    bench.client("ann").add_type("t", SMALL)
    with pytest.raises(Conflict, match="there is a deployable type 't' already"):
        bench.client("ann").add_type("t", LARGE)
    for change in (lambda c: c.update_type("other", LARGE), lambda c: c.remove_type("other")):
        with pytest.raises(NotFound, match="there is no deployable type 'other'"):
            change(bench.client("ann"))


def test_a_change_says_that_it_is_for_new_launches_only(bench):
    bench.client("ann").add_type("t", SMALL)
    told = bench.call("update_type", {"type_id": "t", "type": LARGE})
    assert "each new launch takes this" in told["result"]["text"]
    assert flavor(bench, "ann") == "large"


def test_one_that_cannot_be_read_is_listed_with_the_reason_and_hides_no_other(bench):
    """A newer elastic may have written it."""
    bench.client("ann").add_type("a", SMALL)
    bench.client("ann").add_type("z", SMALL)
    bench.store.add_entry("type", "ann:new", {"type": {"sites": {}, "hologram": 1}})
    rows = {row["name"]: row for row in bench.client("ann").types()}
    assert [*rows] == ["a", "new", "z"]
    assert rows["new"]["sites"] == []
    assert rows["new"]["description"].startswith("cannot be read: ")
    assert "hologram" in rows["new"]["description"]


HEAVY = {"sites": {"north": {"image": "debian", "flavor": "small", "user_data": "#!/bin/sh\n" + "#" * 60000}}}


@pytest.mark.parametrize("write", ["add_type", "update_type"])
def test_a_check_weighs_the_user_data_and_asks_no_site_for_it(bench, write):
    bench.client("ann").add_type("t", SMALL)
    bench.cloud.outage("north", on=True)
    with pytest.raises(BadRequest, match=r"sites\.north\.user_data: .*6\d{4} bytes"):
        getattr(bench.client("ann"), write)("t", HEAVY, check=True)
    assert flavor(bench, "ann") == "small"
