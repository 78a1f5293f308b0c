"""A domain's key and its patience."""

import pytest

from elastic.errors import BadRequest
from elastic.model.domain import Domain, DomainKey, HealthPolicy
from elastic.model.names import checked_name

KEY = DomainKey("alice", "web")


def test_a_key_reads_as_owner_and_name():
    assert str(KEY) == "alice:web"
    assert DomainKey.checked("alice", "web") == KEY


@pytest.mark.parametrize("name", ["", ".", "..", "zookeeper", "a b", "a/b", "a:b", "é", "a" * 129, "a\n", 3, None])
def test_a_bad_name_is_refused_and_said_what_for(name):
    with pytest.raises(BadRequest, match="subscriber"):
        checked_name(name, "subscriber")


@pytest.mark.parametrize("name", ["a", "A-1_b.c@d", "a" * 128, "...", "zookeeper2"])
def test_a_good_name_is_given_back(name):
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("health", "interval"),
    [({}, 30), ({"missing_timeout": 10}, 2.5), ({"heartbeat_interval": 7}, 7), ({"missing_timeout": 1000}, 30)],
)
def test_heartbeats_are_asked_for_well_within_the_patience(health, interval):
    assert Domain(key=KEY, health=health).health_policy.interval == interval


def test_a_null_in_the_health_section_stands_for_the_default():
    assert Domain(key=KEY, health={"boot_timeout": None}).health_policy == HealthPolicy()


def test_the_default_engine_is_simplest():
    assert Domain(key=KEY).engine == Domain(key=KEY, general={"engine": None}).engine == "simplest"
    assert Domain(key=KEY, general={"engine": "sensor"}).engine == "sensor"
