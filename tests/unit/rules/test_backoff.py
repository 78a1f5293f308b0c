"""A site where launches failed is left alone, longer each time, until one succeeds."""

import pytest

from elastic.rules.backoff import backoff_end, delay_after
from tests.unit.asking import failures, one


@pytest.mark.parametrize(
    ("count", "delay"), [(0, 0), (1, 0), (2, 5), (3, 10), (4, 20), (5, 40), (7, 160), (8, 300), (10_000, 300)]
)
def test_the_delay_doubles_to_its_limit(count, delay):
    assert delay_after(count) == delay


def end(records, now):
    return backoff_end(records, "east", now)


def test_one_failure_is_tried_again_at_once():
    assert end(failures(1, site="east"), 100) is None


def test_two_failures_wait_from_the_newest():
    records = [*failures(1, at=50, site="east"), one("g", 950, "UNKNOWN", 100.1, site="east")]
    assert end(records, 105) is not None
    assert end(records, 105.1) is None  # to the tick: 100.1 + 5


def test_a_success_since_forgives_what_was_before_it():
    running = one("a", 600, "MISSING", 100, site="east")
    assert end([*failures(5, at=100, site="east"), running], 101) is None
    assert end([*failures(2, at=100.5, site="east"), running], 101) is not None


def test_other_sites_do_not_count():
    elsewhere = [*failures(3, site="west"), one("a", at=500, site="west")]
    assert end(elsewhere, 101) is None
    assert end([*failures(3, site="east"), one("a", at=500, site="west")], 101) == 110
