"""What a sensor told is made sure of before anybody reckons with it."""

from math import inf, nan
from typing import Any

import pytest

from elastic.errors import SensorFailed
from elastic.model.actions import Sample
from elastic.ports.sensor import Reading, Readings
from elastic.roles.readings import sound, why_none

NOW, AHEAD = 1000.0, 90.0


def made_sure_of(at: Any, value: Any) -> Reading:
    told = Readings(
        domain={"load": Reading(Sample(at, value), "s")},
        instances={"i-1": {"load": Reading(Sample(at, value), "s")}},
    )
    found = sound(told, NOW, AHEAD)
    assert found.instances["i-1"]["load"] == found.domain["load"]
    return found.domain["load"]


@pytest.mark.parametrize(("at", "value"), [(NOW, 1.5), (0.0, 0), (-5, -1), (NOW + AHEAD, 10**15)])
def test_what_can_be_reckoned_with_stays_as_it_is(at, value):
    assert made_sure_of(at, value) == Reading(Sample(at, value), "s")


NO_DATA = {
    "no value": (NOW, None, "the source has no value"),
    "no number": (NOW, nan, "is no number that can be reckoned with"),
    "without end": (NOW, -inf, "is no number that can be reckoned with"),
    "no time": (nan, 1, "is no number that can be reckoned with"),
    "for ever": (inf, 1, "is no number that can be reckoned with"),
    "milliseconds": (NOW * 1000, 1, "its time is ahead of our clock's: it has to be in Unix seconds"),
    "ahead": (NOW + AHEAD + 1, 1, "its time is ahead of our clock's: it has to be in Unix seconds"),
}


@pytest.mark.parametrize("case", NO_DATA)
def test_what_cannot_be_reckoned_with_is_no_data_and_never_0(case):
    at, value, why = NO_DATA[case]
    found = made_sure_of(at, value)
    assert found.sample is None
    assert found.why_none.endswith(why)


def test_a_reason_stays_and_is_kept_short():
    told = Readings(domain={"a": Reading(why_none="gone"), "b": Reading(why_none="x" * 5000)})
    found = sound(told, NOW, AHEAD).domain
    assert found["a"] == Reading(why_none="gone")
    assert len(found["b"].why_none) == 300


NONSENSE = {
    "nothing": None,
    "a map": {"load": 1},
    "a text as value": Readings(domain={"load": Reading(Sample(NOW, "3"))}),
    "a text as time": Readings(domain={"load": Reading(Sample("now", 3))}),
    "a number as reading": Readings(domain={"load": 3}),
    "a list as map": Readings(instances=[1]),
    "what nobody can write": Readings(domain={"load": object()}),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_what_is_of_other_types_is_no_answer_at_all(case):
    with pytest.raises(SensorFailed, match=r"told (nonsense: |NoneType|dict)"):
        sound(NONSENSE[case], NOW, AHEAD)


FRESH, OLD = Reading(Sample(NOW, 0)), Reading(Sample(NOW - 91, 0))


@pytest.mark.parametrize(
    ("reading", "fault", "told"),
    [
        (FRESH, "", ""),
        (FRESH, "h does not answer", ""),
        (OLD, "", "load: what is known is too old"),
        (OLD, "h does not answer", "load: h does not answer"),
        (None, "", "load: nothing has been told yet"),
        (None, "h does not answer", "load: h does not answer"),
        (Reading(why_none="the value is NaN"), "", "load: the value is NaN"),
        (Reading(Sample(NOW, None)), "", "load: what is known is too old"),
    ],
)
def test_why_nothing_is_known_is_said_only_when_nothing_is(reading, fault, told):
    assert why_none("load", reading, fault, NOW - 90) == told
