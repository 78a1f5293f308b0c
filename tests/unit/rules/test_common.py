"""The keys that every engine's config may have."""

import pytest

from elastic.engines.needy import Needy
from elastic.engines.simplest import Simplest
from elastic.errors import BadRequest
from elastic.rules.common import Common, own_keys
from elastic.rules.schema import keys_of

GOOD = {
    "victims": "oldest",
    "reclaim": True,
    "provisioner_vars": {"a": 1},
    "sensor_type": "opentsdb",
    "sensor_data": {"any": ["thing"]},
    "sensor_timeout": 2.5,
    "monitor_sensors": ["load"],
    "monitor_domain_sensors": [],
    "sample_period": 0.5,
    "sample_function": "Maximum",
    "opentsdb_host": "h",
    "opentsdb_port": 4242,
    "access_key": "a",
    "secret_key": "s",
}


def test_every_engine_takes_them():
    assert set(GOOD) == set(keys_of(Common))
    engine = Needy.configured(GOOD)
    assert (engine.oldest_first, engine.reclaim, engine.sample_period) == (True, True, 0.5)


def test_null_is_the_default_of_each():
    assert Needy.configured(dict.fromkeys(keys_of(Common))) == Needy.configured({})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("victims", "biggest"),
        ("victims", 1),
        ("reclaim", "yes"),
        ("reclaim", 1),
        ("provisioner_vars", []),
        ("sensor_type", 1),
        ("sensor_timeout", 0),
        ("sensor_timeout", 61),
        ("monitor_sensors", "load"),
        ("monitor_domain_sensors", [1]),
        ("sample_period", 0),
        ("sample_period", -1),
        ("sample_function", "Median"),
        ("opentsdb_host", 1),
        ("opentsdb_port", "4242"),
        ("access_key", 1),
        ("secret_key", 54321),
    ],
)
def test_a_bad_one_is_named(key, value):
    with pytest.raises(BadRequest, match=f"^{key} (has to be|must not be empty)"):
        Needy.configured({key: value})


def test_an_unknown_key_is_named_together_with_those_of_the_engine_alone():
    with pytest.raises(BadRequest) as fault:
        Simplest.configured({"preserv_n": 1})
    assert str(fault.value) == (
        "'preserv_n' is no key of this engine; its keys are"
        " preserve_n, force_site, epuworker_type, epuworker_allocation"
    )
    assert own_keys(Simplest) == ["preserve_n", "force_site", "epuworker_type", "epuworker_allocation"]
