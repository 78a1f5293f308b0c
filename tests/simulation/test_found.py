"""What seeds have found, each cut down to the troubles that it took, under the name of what went wrong."""

import pytest

from tests.simulation.schedule import Schedule, Setting, Trouble
from tests.simulation.verdicts import judged

FOUND = {
    "a replica whose clock was an hour ahead shut a domain out for an hour": Schedule(
        seed=119,
        setting=Setting(lag=0.3, most=8),
        troubles=(
            Trouble(at=4.0, kind="add", who="ann:web", number=6),
            Trouble(at=43.2, kind="engine_hangs", seconds=7.89),
            Trouble(at=43.3, kind="freeze_at_a_step", who="c", seconds=6.14, number=1, flag=True),
            Trouble(at=43.4, kind="break_guest", pick=0.429),
            Trouble(at=45.4, kind="sicken", pick=0.238),
            Trouble(at=49.4, kind="break_guest", pick=0.257),
            Trouble(at=49.5, kind="clock", who="b", number=3600),
            Trouble(at=53.2, kind="engine_hangs", seconds=8.28),
            Trouble(at=57.2, kind="freeze", who="c", seconds=7.71),
            Trouble(at=60.0, kind="plant_foreign", pick=0.584),
            Trouble(at=61.0, kind="mute", seconds=9.27),
            Trouble(at=62.6, kind="kill", who="b", seconds=2.35, flag=True),
            Trouble(at=63.6, kind="store_slow", seconds=2.83),
            Trouble(at=65.6, kind="engine_hangs", seconds=7.65),
        ),
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_it_does_not_happen_again(what: str) -> None:
    assert not judged(FOUND[what]).broken
