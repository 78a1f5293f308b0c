"""A domain's config: put together, taken apart, and read with care."""

import pytest

from elastic.engines.overflow import Overflow
from elastic.engines.policy import Policy
from elastic.engines.simplest import Simplest
from elastic.errors import BadRequest
from elastic.rules.config import DEEPEST, checked_config, checked_health, merged, refuse_depth, without

ENGINES = {"overflow": Overflow, "policy": Policy, "simplest": Simplest}


def test_sections_are_merged_key_by_key_and_no_deeper():
    definition = {"engine_conf": {"preserve_n": 1, "provisioner_vars": {"a": 1, "b": 2}}, "health": None}
    config = {"engine_conf": {"provisioner_vars": {"a": 3}}, "general": {"engine": "simplest"}}
    assert merged(definition, config) == {
        "general": {"engine": "simplest"},
        "engine_conf": {"preserve_n": 1, "provisioner_vars": {"a": 3}},
        "health": {},
    }


def test_merging_leaves_the_definition_alone():
    definition = {"engine_conf": {"preserve_n": 1}}
    merged(definition, {"engine_conf": {"preserve_n": 2}})["engine_conf"]["victims"] = "oldest"
    assert definition == {"engine_conf": {"preserve_n": 1}}


@pytest.mark.parametrize(("config", "named"), [({"helth": {}}, "helth"), ({"health": [1]}, "health")])
def test_a_section_that_is_none_is_named(config, named):
    with pytest.raises(BadRequest, match=named):
        merged({}, config)


def test_keys_are_unset_by_section_and_name():
    config = {"engine_conf": {"preserve_n": 1, "victims": "oldest"}, "health": {"boot_timeout": 3}}
    left = without(config, ["engine_conf.victims", "health.boot_timeout"])
    assert left == {"engine_conf": {"preserve_n": 1}, "health": {}}


@pytest.mark.parametrize("path", ["engine_conf.victms", "victims", "nowhere.victims", "engine_conf"])
def test_a_key_that_is_not_there_cannot_be_unset(path):
    with pytest.raises(BadRequest, match=path):
        without({"engine_conf": {"victims": "oldest"}}, [path])


def test_a_whole_config_is_accepted():
    health = {"monitor_health": False, "heartbeat_interval": 60, "missing_timeout": 120.0, "boot_timeout": None}
    checked_config({"engine": "simplest"}, {"preserve_n": 1}, health, ENGINES)
    checked_config({}, {"preserve_n": 1}, {}, ENGINES)


@pytest.mark.parametrize(
    ("general", "engine_conf", "health", "named"),
    [
        ({"engine_class": "epu.Simplest"}, {"preserve_n": 1}, {}, "`engine`"),
        ({"engin": "simplest"}, {"preserve_n": 1}, {}, "engin"),
        ({"engine": "simple"}, {"preserve_n": 1}, {}, "'simple'"),
        ({"engine": 3}, {"preserve_n": 1}, {}, "engine"),
        ({}, {"preserve_n": -1}, {}, "preserve_n"),
        ({}, {}, {}, "preserve_n"),
        ({}, {"preserve_n": 1, "preserv": 1}, {}, "preserv"),
        ({}, {"preserve_n": 1}, {"boot_timeot": 1}, "boot_timeot"),
        ({}, {"preserve_n": 1}, {"boot_timeout": -1}, "boot_timeout"),
        ({}, {"preserve_n": 1}, {"boot_timeout": "5"}, "boot_timeout"),
        ({}, {"preserve_n": 1}, {"zombie_seconds": True}, "zombie_seconds"),
        ({}, {"preserve_n": 1}, {"missing_timeout": float("nan")}, "missing_timeout"),
        ({}, {"preserve_n": 1}, {"monitor_health": "no"}, "monitor_health"),
        ({}, {"preserve_n": 1}, {"heartbeat_interval": 61}, "heartbeat_interval"),
        ({}, {"preserve_n": 1}, {"heartbeat_interval": 0}, "heartbeat_interval"),
        ({}, {"preserve_n": 1}, {"missing_timeout": 10, "heartbeat_interval": 5.5}, "heartbeat_interval"),
    ],
)
def test_what_is_wrong_is_named(general, engine_conf, health, named):
    with pytest.raises(BadRequest, match=named):
        checked_config(general, engine_conf, health, ENGINES)


def test_health_is_read_as_it_was_meant():
    policy = checked_health({"missing_timeout": 40, "zombie_seconds": None})
    assert (policy.missing_timeout, policy.zombie_seconds, policy.interval) == (40, 120, 10)


def test_a_size_that_can_only_be_a_slip_is_refused():
    checked_config({}, {"preserve_n": 100_000}, {}, ENGINES)
    with pytest.raises(BadRequest, match="preserve_n must be at most 100000"):
        checked_config({}, {"preserve_n": 10**12}, {}, ENGINES)
    policy = {
        "deployable_type": "w",
        "sites": ["A"],
        "policies": [{"name": "p", "engine": "fixed", "size": 1}],
    }
    checked_config({"engine": "policy"}, {**policy, "capacity": {"max": 100_000}}, {}, ENGINES)
    with pytest.raises(BadRequest, match=r"capacity\.max must be at most 100000"):
        checked_config({"engine": "policy"}, {**policy, "capacity": {"max": 10**12}}, {}, ENGINES)


@pytest.mark.parametrize("key", ["minimum_vms", "maximum_vms", "scale_up_n_vms", "scale_down_n_vms"])
@pytest.mark.parametrize("slip", [100_001, "100001", 1e9])
def test_so_is_a_step_and_one_that_stands_as_a_text(key, slip):
    overflow = {"clouds": [{"site_name": "A", "size": -1, "rank": 1}], "dtname": "w", "minimum_vms": 1}
    checked_config({"engine": "overflow"}, {**overflow, key: 100_000}, {}, ENGINES)
    with pytest.raises(BadRequest, match=f"^{key} must be at most 100000"):
        checked_config({"engine": "overflow"}, {**overflow, key: slip}, {}, ENGINES)


@pytest.mark.parametrize("said", ["secret_key=hunter2", ["hunter2"], [{"secret_key": "hunter2"}]])
def test_a_section_that_is_none_is_not_repeated(said):
    with pytest.raises(BadRequest, match="engine_conf has to be a map") as fault:
        merged({}, {"engine_conf": said})
    assert "hunter2" not in str(fault.value)


def nested(levels):
    value = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_what_is_nested_too_deep_to_be_meant_is_refused_by_name():
    refuse_depth({"engine_conf": {"extra": nested(DEEPEST)}, "health": None})
    for levels in (DEEPEST + 1, 600, 5000):
        with pytest.raises(BadRequest, match=r"engine_conf\.extra is nested"):
            refuse_depth({"engine_conf": {"fine": 1, "extra": nested(levels)}})
