"""Since when, on our own clock, each instance has been as it is."""

import pytest
from msgspec.structs import replace

from elastic.model.instance import Attempt
from elastic.model.states import Health, InstanceState
from elastic.roles.sightings import Sightings
from tests.unit.rules.views import record

FIRST, LATER, NOW = 100.0, 150.0, 200.0
BEFORE = record("a", 500, "UNKNOWN", attempt=Attempt(1, 1.0))


@pytest.fixture
def sightings() -> Sightings:
    made = Sightings()
    made.note([BEFORE], FIRST)
    return made


def ages(sightings: Sightings, instance) -> tuple[float, float, float]:
    seen = sightings.of(instance, NOW)
    return seen.state_since, seen.health_since, seen.attempt_since


@pytest.mark.hazard("F11")
def test_what_is_first_seen_is_as_old_as_that_whatever_its_stamp_says(sightings):
    assert ages(sightings, replace(BEFORE, state_time=1.0, health_time=2.0)) == (FIRST, FIRST, FIRST)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (FIRST, FIRST, FIRST)),
        ({"state": InstanceState.RUNNING}, (LATER, FIRST, FIRST)),
        ({"health": Health.OK}, (FIRST, LATER, FIRST)),
        ({"attempt": Attempt(2, 9.0)}, (FIRST, FIRST, LATER)),
        ({"attempt": Attempt(1, 1.0, open=False)}, (FIRST, FIRST, FIRST)),
        ({"state_time": 9.0, "health_time": 9.0, "version": 9}, (FIRST, FIRST, FIRST)),
        ({"server_id": "s-1", "reason": "other"}, (FIRST, FIRST, FIRST)),
    ],
)
def test_each_age_begins_anew_with_its_own_change(sightings, change, expected):
    after = replace(BEFORE, **change)
    sightings.note([after], LATER)
    assert ages(sightings, after) == expected


def test_a_health_that_comes_back_is_new(sightings):
    sightings.note([replace(BEFORE, health=Health.OK)], LATER)
    sightings.note([BEFORE], 180.0)
    assert ages(sightings, BEFORE)[1] == 180.0


def test_one_that_was_never_seen_is_as_old_as_now(sightings):
    assert ages(sightings, record("b")) == (NOW, NOW, NOW)
    assert ages(sightings, record("b")) == (NOW, NOW, NOW)


def test_one_that_was_forgotten_begins_anew(sightings):
    sightings.forget("a")
    sightings.forget("never-seen")
    sightings.note([BEFORE], LATER)
    assert ages(sightings, BEFORE) == (LATER, LATER, LATER)
