"""From samples and work to signals; and what nobody told is not known."""

from fractions import Fraction

import pytest

from elastic.errors import BadRequest
from elastic.model.actions import Sample, Work
from elastic.rules.observing import Observing
from elastic.rules.schema import read
from tests.unit.asking import BUSY, IDLE, asked, one, sampled

TOLD = ("ready", "unacked", "running_acked", "arrival_rate", "service_time")


def observing(**conf):
    return read(Observing, conf, "signals")


def signals(*counted, missing=0, conf=None, interval=30, **sensors):
    said = observing(**(conf or {}))
    return said.signals(asked({}, sensors=sensors), counted, missing, said.oldest(interval))


def test_what_is_known_of_the_queue_is_what_the_domains_sensors_say():
    told = signals(**{name: Sample(1000, n + 0.1) for n, name in enumerate(TOLD)})
    assert [getattr(told, name) for name in TOLD] == [n + Fraction(1, 10) for n in range(5)]
    assert [getattr(signals(), name) for name in TOLD] == [None] * 5


def test_a_null_says_nothing_and_nought_says_nought():
    told = signals(ready=Sample(1000, None), unacked=Sample(1000, 0))
    assert (told.ready, told.unacked) == (None, 0)


def test_an_instances_sensor_says_nothing_of_the_queue():
    assert signals(one("a", sensors={"ready": Sample(1000, 5)})).ready is None


def test_a_sensor_may_have_another_name():
    conf = {"metrics": {"ready": "depth"}}
    assert signals(conf=conf, depth=Sample(1000, 5), ready=Sample(1000, 9)).ready == 5
    assert signals(conf=conf, ready=Sample(1000, 9)).ready is None


@pytest.mark.parametrize(
    ("interval", "max_age", "age", "known"),
    [
        (30, None, 90, True),
        (30, None, 90.1, False),
        (1, None, 15, True),
        (1, None, 15.1, False),
        (5.1, None, 15.3, True),
        (5.1, None, 15.4, False),
        (30, 5, 5, True),
        (30, 5, 5.1, False),
        (0, 0, 0, True),
        (1e308, None, 1000, True),
    ],
)
def test_what_is_old_says_nothing(interval, max_age, age, known):
    told = signals(conf={"max_age": max_age}, interval=interval, ready=Sample(1000 - age, 5))
    assert (told.ready == 5) is known


@pytest.mark.parametrize(
    ("counted", "missing", "in_service", "booting"),
    [
        ([], 0, 0, 0),
        ([], 3, 0, 3),
        ([one("a"), one("b"), one("c", 500)], 0, 2, 1),
        ([one("a"), one("b", 100), one("c", 300)], 2, 1, 4),
        ([one("a", health="OUT_OF_CONTACT")], 0, 1, 0),
    ],
)
def test_those_running_are_in_service_and_the_others_and_what_is_missing_boot(
    counted, missing, in_service, booting
):
    told = signals(*counted, missing=missing)
    assert (told.in_service, told.booting, told.current) == (in_service, booting, in_service + booting)


@pytest.mark.parametrize(
    ("works", "idle", "busy_slots"),
    [
        ([IDLE, BUSY], 1, 1),
        ([IDLE, None], 1, 0),
        ([BUSY, None], 0, 2),
        ([Work(2, 0, 0), Work(1, 0, 0), None], 0, Fraction(9, 2)),
        ([Work(0, 3, 0), Work(0, 0, 1)], 0, 0),
        ([None, None], None, None),
        ([], None, None),
    ],
)
def test_who_idles_is_counted_and_busy_slots_are_those_known_stretched_to_all(works, idle, busy_slots):
    told = signals(*(one(f"i{n}", work=work) for n, work in enumerate(works)))
    assert (told.idle, told.busy_slots) == (idle, busy_slots)


def test_the_work_of_one_that_is_not_running_is_not_looked_at():
    told = signals(one("a", 500, work=IDLE), one("b", 300, work=BUSY))
    assert (told.idle, told.busy_slots) == (None, None)
    assert told.known("idle") == 0  # for nobody is in service


@pytest.mark.parametrize(
    ("metrics", "metric", "came"),
    [
        ({}, None, 1),
        ({"value": "load"}, None, 2),
        ({"value": "load"}, "heat", 3),
        ({}, "heat", 3),
        ({}, "other", None),
    ],
)
def test_the_value_is_the_laws_own_metric_or_that_which_goes_for_all(metrics, metric, came):
    sensors = {name: Sample(1000, n) for n, name in enumerate(("value", "load", "heat"), 1)}
    assert observing(metrics=metrics).value(metric, asked({}, sensors=sensors), (), 90) == came


def test_a_value_may_be_the_mean_over_those_counted():
    counted = [one("a", sensors=sampled(1)), one("b", sensors=sampled(2)), one("c", sensors=sampled(9, at=909))]
    assert observing().value("load", asked({}), counted, 90) == Fraction(3, 2)
    assert observing().value("load", asked({}, sensors=sampled(7)), counted, 90) == 7
    assert observing().value("load", asked({}), counted, 91) == 4


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"max_age": -1}, r"signals\.max_age"),
        ({"metrics": ["ready"]}, r"signals\.metrics"),
        ({"metrics": {"redy": "depth"}}, r"'redy' is no key of signals\.metrics"),
        ({"metrics": {"idle": "depth"}}, r"'idle' is no key of signals\.metrics"),
        ({"metrics": {"ready": ""}}, r"signals\.metrics\.ready"),
        ({"metrics": {"ready": 1}}, r"signals\.metrics\.ready"),
        ({"queue": "main"}, r"signals\.queue"),
        ({"max_aeg": 1}, "'max_aeg'.*signals"),
    ],
)
def test_what_is_wrong_is_named(conf, named):
    with pytest.raises(BadRequest, match=named):
        observing(**conf)
