"""Whatever befalls the cluster, the guarantees hold: seeds told and judged, one after another.

One that fails is told by `SEED=n make simulate-story`, and cut down by `make simulate SEEDS=n`.
"""

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.simulation.met import BESIDE, EVENTS
from tests.simulation.met_policies import POLICIES
from tests.simulation.schedule import KINDS, PARTS, drawn
from tests.simulation.schedule import POLICIES as POLICIES_KINDS
from tests.simulation.verdicts import judged, judged_seed

SEEDS, BATCH, ENOUGH = 500, 20, 60


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, SEEDS + 1, BATCH))
def test_whatever_happens_the_guarantees_hold(first: int) -> None:
    failed = {seed: told.broken for seed in range(first, first + BATCH) if (told := judged_seed(seed)).broken}
    assert not failed, "SEED=n make simulate-story tells them"


def test_what_the_rules_are_there_for_does_come_about() -> None:
    seen: Counter[str] = Counter()
    for seed in range(1, ENOUGH + 1):
        seen.update(judged_seed(seed).met)
    assert not [name for name in (*EVENTS, *BESIDE, *POLICIES) if not seen[name]]


def test_the_same_seed_is_the_same_story_byte_for_byte() -> None:
    for seed in (7, 9):
        assert judged_seed(seed).journal == judged_seed(seed).journal
    assert judged_seed(7).journal != judged_seed(8).journal


def test_each_fourth_seed_has_parts_and_the_others_are_as_they_would_be_if_none_had() -> None:
    assert [seed for seed in range(1, 20) if drawn(seed).setting.is_furnished] == [1, 5, 9, 13, 17]
    with_parts, kinds = drawn(9), {*KINDS, *POLICIES_KINDS}
    assert {trouble.kind for trouble in with_parts.troubles} - kinds <= set(PARTS)
    assert all(trouble.kind in kinds for seed in (6, 7, 8) for trouble in drawn(seed).troubles)


def test_each_seed_has_a_domain_that_a_policy_sizes_and_each_second_one_tries_it_in_calm() -> None:
    settings = [drawn(seed).setting for seed in range(1, 13)]
    assert [len(setting.planned) for setting in settings] == [1, 1, 1, 1, 1, 2] * 2
    assert [len(setting.trials) for setting in settings] == [0, 1, 0, 1, 0, 2] * 2


def test_a_story_is_the_same_in_another_process_with_other_hashes() -> None:
    judge = "from tests.simulation.verdicts import judged_seed"
    said = f"{judge}; print([judged_seed(n).journal for n in (3, 9, 10, 31)])"
    runs = [
        subprocess.run(
            [sys.executable, "-c", said],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=200,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("seed", [9, 11])
def test_a_schedule_is_what_its_representation_says(seed: int) -> None:
    from tests.simulation.schedule import Schedule, Setting, Trouble

    schedule = drawn(seed)
    names = {"Schedule": Schedule, "Setting": Setting, "Trouble": Trouble}
    again = Schedule(
        schedule.seed,
        eval(repr(schedule.setting), names),  # noqa: S307 - our own words
        tuple(eval(repr(trouble), names) for trouble in schedule.troubles),  # noqa: S307
    )
    assert judged(again).journal == judged(schedule).journal
