"""Rules of the design that are a number, or a spread, and have no other test."""

from pathlib import Path

import pytest

from elastic.adapters.store.sqlite import SqliteStore
from elastic.adapters.store.zookeeper.names import key_of, node_name
from elastic.conf import cloud
from elastic.model.assignment import SLOTS
from elastic.model.domain import DomainKey
from elastic.roles.resync import Resync
from elastic.rules.ring import slot_of
from tests.unit.roles.setting import Setting

PERIOD = 600.0


@pytest.mark.hazard("F8")
def test_f8_no_two_domains_share_a_node_however_they_are_called() -> None:
    keys = [DomainKey("a:b", "c"), DomainKey("a", "b:c"), DomainKey("a%3Ab", "c"), DomainKey("a", "b")]
    nodes = [node_name(key, incarnation) for key in keys for incarnation in (1, 2)]
    assert len(set(nodes)) == len(nodes)
    assert [key_of(node_name(key, 1)) for key in keys] == keys


@pytest.mark.hazard("F26")
def test_f26_what_was_answered_is_on_the_disk_and_not_on_its_way_there(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    assert store.database.row("PRAGMA synchronous") == (2,), "not FULL"


@pytest.mark.hazard("F27")
def test_f27_nobody_may_wait_longer_for_a_lost_reply_than_a_cluster_has_to_converge() -> None:
    """Sixty seconds, with two attempts within them."""
    settle = next(option for option in cloud.OPTIONS if option.name == "settle")
    assert settle.default == settle.type.max == 30


@pytest.mark.hazard("F27")
def test_f27_after_a_restart_the_first_looks_at_all_domains_are_spread_over_the_period() -> None:
    here = Setting()
    keys = [DomainKey("ann", f"d{number}") for number in range(200)]
    for key in keys:
        here.add(key.name)
    resync = Resync(here.mirror(), PERIOD)
    due = {key: resync.visit(here.store.view(key), here.now) - here.now.mono for key in keys}
    assert all(due[key] == pytest.approx(1.0 + PERIOD * slot_of(key) / SLOTS) for key in keys)
    for tenth in range(10):
        looks = [at for at in due.values() if tenth * PERIOD / 10 <= at - 1.0 < (tenth + 1) * PERIOD / 10]
        assert 5 < len(looks) < 40
