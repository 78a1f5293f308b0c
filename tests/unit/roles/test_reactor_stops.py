"""Disable, terminate all, enable: for an owner, and for the cluster."""

import pytest

from elastic.errors import Conflict
from elastic.model.domain import DomainKey
from tests.unit.roles.reactors import Bench

WEB, SHOP = DomainKey("ann", "web"), DomainKey("bob", "shop")


@pytest.fixture
def bench() -> Bench:
    bench = Bench(operators=("root",))
    for key in (WEB, SHOP):
        bench.add_domain(key.owner, key.name)
    return bench


def status(bench: Bench, key: DomainKey) -> str:
    return bench.client(key.owner).domain(key.name)["status"]


def test_the_cluster_is_disabled_domain_by_domain(bench):
    assert bench.client("root").disable() == {"domains": 2}
    assert (status(bench, WEB), status(bench, SHOP)) == ("DISABLED", "DISABLED")


def test_an_owner_is_disabled_and_the_others_are_not(bench):
    assert bench.client("root").disable("ann") == {"domains": 1}
    assert (status(bench, WEB), status(bench, SHOP)) == ("DISABLED", "PENDING")


def test_a_domain_that_comes_later_is_disabled_too(bench):
    bench.client("root").disable("ann")
    bench.add_domain("ann", "late")
    assert status(bench, DomainKey("ann", "late")) == "DISABLED"


def test_a_decision_that_was_under_way_is_refused(bench):
    """Whoever looked at the domain before has to look again."""
    before = bench.view(WEB).counter
    bench.client("root").disable()
    assert bench.view(WEB).counter > before


@pytest.mark.parametrize("whose", [None, "ann"])
def test_nothing_is_terminated_unless_it_was_disabled_before(bench, whose):
    with pytest.raises(Conflict, match="first `elastic disable"):
        bench.client("root").terminate_all(whose)


def test_what_is_disabled_can_be_emptied_and_the_domains_stay(bench):
    root = bench.client("root")
    root.disable("ann")
    assert root.terminate_all("ann") == {"domains": 1}
    assert bench.view(WEB).domain.is_to_be_empty
    assert not bench.view(WEB).domain.removed


def test_an_owner_of_a_disabled_cluster_can_be_emptied_alone(bench):
    root = bench.client("root")
    root.disable()
    root.terminate_all("ann")
    assert [bench.view(key).domain.is_to_be_empty for key in (WEB, SHOP)] == [True, False]


def test_enabled_again_all_is_as_if_nothing_had_been(bench):
    root = bench.client("root")
    root.disable()
    root.terminate_all()
    assert root.enable() == {"domains": 2}
    assert (status(bench, WEB), status(bench, SHOP)) == ("PENDING", "PENDING")
    bench.add_domain("ann", "late")
    assert status(bench, DomainKey("ann", "late")) == "PENDING"


def test_an_owner_stays_disabled_when_the_cluster_is_enabled(bench):
    root = bench.client("root")
    root.disable("ann")
    root.disable()
    root.enable()
    assert (status(bench, WEB), status(bench, SHOP)) == ("DISABLED", "PENDING")


def test_an_owner_cannot_be_enabled_alone_while_the_cluster_is_disabled(bench):
    root = bench.client("root")
    root.disable()
    with pytest.raises(Conflict, match="without an owner first"):
        root.enable("ann")


def test_disabling_what_is_being_emptied_takes_nothing_back(bench):
    root = bench.client("root")
    root.disable()
    root.terminate_all()
    root.disable()
    assert bench.view(WEB).domain.is_to_be_empty
