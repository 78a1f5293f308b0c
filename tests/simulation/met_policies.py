"""What came about where policies choose sizes, and how often: each promise that the judge looks after is tried."""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from tests.simulation.gauges import GARBAGE, REFUSING, SILENT, SLOW, WELL
from tests.simulation.labour import DRAINED
from tests.simulation.partings import Parting
from tests.simulation.schedule import TRIALS
from tests.simulation.story import Story


def _partings(story: Story) -> Iterable[Parting]:
    return story.world.partings.gone.values()


def _resized(up: bool) -> Callable[[Story], int]:
    def count(story: Story) -> int:
        steps = (pair for past in story.world.partings.sizes.values() for pair in pairwise(past))
        return sum((after > before) is up for (_, before), (_, after) in steps)

    return count


def _explained(*words: str) -> Callable[[Story], int]:
    """Decisions whose reason has all these words."""

    def count(story: Story) -> int:
        return sum(all(word in row["reason"] for word in words) for row in story.ledger.reasons.values())

    return count


def _drained(answered: bool) -> Callable[[Story], int]:
    """Those that were to finish their work and went, having said that it is finished; or not."""

    def count(story: Story) -> int:
        ends = {name: p.time for name, p in story.world.partings.gone.items() if p.drains_since is not None}
        found = [labour for labour in story.world.labours.values() if labour.instance_id in ends]
        last = [labour.during(0.0, ends[labour.instance_id])[-1] for labour in found]
        return sum(m.drain == DRAINED if answered else m.tasks > 0 and m.drain != DRAINED for m in last)

    return count


def _beside_the_protected(story: Story) -> int:
    """Some went, and one of the same domain was protected then."""
    kept = story.ledger.protected
    homes = {labour.instance_id: labour.domain for labour in story.world.labours.values()}
    return sum(
        any(homes.get(name) == p.domain and since < p.time < until for name in kept for since, until in kept[name])
        for p in _partings(story)
    )


def _taken_back(story: Story) -> int:
    return sum(map(len, story.world.partings.back.values()))


def _beside(name: str) -> Callable[[Story], int]:
    return lambda story: story.world.kernel.met[name]


POLICIES: Mapping[str, Callable[[Story], int]] = {
    "a size followed its metric up": _resized(up=True),
    "a size followed its metric down": _resized(up=False),
    "more than a maximum was asked for": _explained("is outside the limits", "above"),
    "fewer than a minimum were asked for": _explained("is outside the limits", "below"),
    "a law asked for what is out of bounds": _explained("clamp"),
    "a decision launched": _explained("launch:"),
    "a decision had some go": _explained("victims:", "may go"),
    "one was replaced though nobody knew the metric": _explained("replace:", "no_data:"),
    "one was replaced in the cooldown": _explained("replace:", "cooldown:"),
    "one went, and another was protected": _beside_the_protected,
    "one finished its work, and went": _drained(answered=True),
    "one did not finish, and went as its time was over": _drained(answered=False),
    "one was to finish its work, and was wanted again": _taken_back,
    **{
        name: _beside(name)
        for name in (
            "one served again",
            "one died while it drained",
            "work was given back",
            *(f"a source was {manner}" for manner in (WELL, SILENT, REFUSING, SLOW, GARBAGE)),
            *(f"tried: {trial}" for trial in TRIALS),
        )
    },
}
