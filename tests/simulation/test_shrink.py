"""A failing schedule is cut down to what it fails by."""

import pytest

from tests.simulation.schedule import Schedule, Trouble, drawn
from tests.simulation.shrink import guarantee, shrunk

ALL = tuple(Trouble(float(n), "kill", "a") for n in range(20))
FAILS = {
    "one is enough": {7.0},
    "two far apart": {0.0, 19.0},
    "three": {3.0, 4.0, 16.0},
    "all of them": {trouble.at for trouble in ALL},
}


@pytest.mark.parametrize("case", FAILS)
def test_only_what_it_takes_to_fail_is_left(case: str) -> None:
    needed = FAILS[case]
    schedule = Schedule(1, drawn(1).setting, ALL)
    small = shrunk(schedule, lambda s: needed <= {trouble.at for trouble in s.troubles}, tries=1000)
    assert {trouble.at for trouble in small.troubles} == needed
    assert (small.seed, small.setting) == (schedule.seed, schedule.setting)


def test_a_cut_that_fails_only_with_other_luck_is_found() -> None:
    schedule = Schedule(1, drawn(1).setting, ALL)
    small = shrunk(schedule, lambda s: len(s.troubles) == 20 or (s.seed != 1 and ALL[7] in s.troubles), tries=1000)
    assert small.troubles == (ALL[7],)
    assert small.seed != schedule.seed


def test_it_ends_after_so_many_tries() -> None:
    tried = []

    def fails(schedule: Schedule) -> bool:
        tried.append(schedule)
        return False

    assert shrunk(Schedule(1, drawn(1).setting, ALL), fails, tries=9).troubles == ALL
    assert len(tried) == 9


def test_a_sentence_names_its_guarantee() -> None:
    assert guarantee("P12: a loop failed: it broke") == "P12"
