"""Who may go when the engine `policy` shrinks a domain, and who is passed over."""

from collections.abc import Sequence
from typing import Self

import msgspec

from elastic.model.actions import Candidate
from elastic.model.states import InstanceState
from elastic.rules.answering import named
from elastic.rules.census import Census
from elastic.rules.exact import Number, exact, last_until
from elastic.rules.settings import Common, Settings
from elastic.rules.victims import in_order_of_going

MOST_NAMED = 20
KEYS = ("victims", "allow_busy", "min_lifetime", "drain_timeout", "on_timeout")


class ScaleIn(msgspec.Struct, frozen=True, kw_only=True):
    """`min_lifetime` in seconds of RUNNING; `takes_busy`: those with work may go too, by draining."""

    takes_busy: bool
    min_lifetime: Number
    retirable: tuple[str, ...]
    oldest_first: bool

    @classmethod
    def read(cls, settings: Settings, common: Common) -> Self:
        said = settings.section("scale_in", KEYS)
        said.choice("victims", ("idle_first",))
        said.choice("on_timeout", ("wait", "requeue", "kill"))
        said.number("drain_timeout", 900)
        return cls(
            takes_busy=said.flag("allow_busy", default=False),
            min_lifetime=said.number("min_lifetime", 300),
            retirable=settings.names("retirable_nodes"),
            oldest_first=common.oldest_first,
        )

    def candidates(
        self, census: Census, now: Number, sites_first: Sequence[str]
    ) -> tuple[tuple[Candidate, ...], str]:
        """First to last; and in words who is passed over, and why."""
        running = (i for i in census.records if i.is_valid and i.state is InstanceState.RUNNING)
        knows_work = any(i.work is not None for i in running)
        passed_over: dict[str, list[Candidate]] = {}
        may_go = []
        settled = last_until(exact(now) - exact(self.min_lifetime))
        for instance in census.counted:
            why = self._stays(instance, settled, knows_work)
            if why is None:
                may_go.append(instance)
            else:
                passed_over.setdefault(why, []).append(instance)
        going = in_order_of_going(may_go, self.retirable, self.oldest_first, sites_first)
        return tuple(going), "; ".join(f"{_some(those)} {why}" for why, those in passed_over.items())

    def _stays(self, instance: Candidate, settled: float, knows_work: bool) -> str | None:
        """`settled`: when those that are old enough were RUNNING at the latest."""
        if instance.protected:
            return "protected"
        if instance.instance_id in self.retirable or instance.state is not InstanceState.RUNNING:
            return None
        if instance.state_time > settled:
            return f"younger than {self.min_lifetime:g} s"
        if instance.is_busy:
            return None if self.takes_busy else "busy"
        return "of unknown work" if instance.work is None and knows_work else None


def _some(instances: Sequence[Candidate]) -> str:
    more = len(instances) - MOST_NAMED
    return named(tuple(instances[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
