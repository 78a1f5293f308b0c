"""The brake: when many instances fall silent at once, the fault is likelier ours than theirs. Pure.

Only instances judged MISSING by silence count, those already replaced for it too: they fall silent one after
another, and each would be replaced before the next. What the cloud itself reports gone or in ERROR has another
state by then. While it is on, replacements trickle.
"""

from collections.abc import Iterable, Sequence

import msgspec

from elastic.model.instance import Instance
from elastic.model.states import Health, InstanceState
from elastic.model.view import View


class BrakePolicy(msgspec.Struct, frozen=True):
    """`share` of a domain, but at least `count`, silent within `missing_timeout` seconds engages it.
    While on, one replacement each `trickle` seconds."""

    share: float = 0.3
    count: int = 3
    trickle: float = 300.0


class Brake(msgspec.Struct, frozen=True):
    """`held`: ids that must not be replaced now. `let_through`: one of the silent that may be."""

    held: frozenset[str] = frozenset()
    let_through: str | None = None
    text: str = ""

    @property
    def is_on(self) -> bool:
        return bool(self.text)


def silent_ones(view: View) -> tuple[Instance, ...]:
    """Those pronounced MISSING since an operator last cleared the brake, by the time of that verdict."""
    missing = (
        i
        for i in view.instances
        if i.health is Health.MISSING
        and i.state is InstanceState.RUNNING
        and i.health_time > view.domain.brake_cleared
    )
    return tuple(sorted(missing, key=lambda i: (i.health_time, i.instance_id)))


def silent_sites(view: View, since: float) -> Iterable[str]:
    """The site of each that is silent, or fell silent after `since` (wall seconds) and was replaced."""
    yield from (i.site for i in silent_ones(view))
    yield from (i.site for i in view.instances if _counts(i, view) and i.given_up > since)


def _counts(instance: Instance, view: View) -> bool:
    """It was replaced for its silence since an operator last cleared the brake."""
    return instance.given_up > view.domain.brake_cleared


def brake(view: View, policy: BrakePolicy, now: float, site_braked: bool = False) -> Brake:
    """How far this domain's replacements are held back at wall time `now`.

    `site_braked`: the same has happened to the whole site. Who let the last one through may have had a clock that
    is ahead of ours: by less than `trickle`, it still counts.
    """
    silent = silent_ones(view)
    if not silent or not (site_braked or _engages(silent, view, policy)):
        return Brake()
    trickles = abs(now - view.standing.last_trickle) >= policy.trickle
    first = silent[0].instance_id if trickles else None
    held = frozenset(i.instance_id for i in silent if i.instance_id != first)
    return Brake(
        held, first, f"{len(silent)} instances fell silent together; they are not replaced but one at a time"
    )


def _engages(silent: Sequence[Instance], view: View, policy: BrakePolicy) -> bool:
    """At least `count` and more than `share` of the domain went MISSING within one missing_timeout.

    Those that were replaced count with those that are silent now, for as long as one of these is.
    """
    window = view.domain.health_policy.missing_timeout
    size = len([i for i in view.instances if not i.state.is_over])
    first, last = silent[0].health_time - window, silent[-1].health_time + window
    replaced = [i.given_up for i in view.instances if _counts(i, view) and first <= i.given_up <= last]
    together = most_together(sorted([*replaced, *(i.health_time for i in silent)]), window)
    return together >= policy.count and together > policy.share * size


def most_together(times: Sequence[float], window: float) -> int:
    """The largest number of `times` (ascending, seconds) that lie within one `window`."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] > window:
            first += 1
        most = max(most, last - first + 1)
    return most
