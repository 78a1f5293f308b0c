"""Who may go when the engine `policy` shrinks a domain, and who is passed over."""

from collections.abc import Sequence
from typing import Annotated, Literal

from elastic.model.actions import Candidate
from elastic.model.kinds import NotNegative, Section, about
from elastic.model.states import InstanceState
from elastic.rules.answering import named
from elastic.rules.census import Census
from elastic.rules.exact import Number, exact, last_until
from elastic.rules.victims import in_order_of_going

MOST_NAMED = 20


class ScaleIn(Section, frozen=True, kw_only=True):
    victims: Annotated[Literal["idle_first"], about("the idle go before the busy; there is no other way")] = (
        "idle_first"
    )
    allow_busy: Annotated[bool, about("whether those with work may go too, by draining")] = False
    min_lifetime: Annotated[NotNegative, about("seconds of running before which none goes")] = 300
    drain_timeout: Annotated[NotNegative, about("seconds that a drain may take")] = 900
    on_timeout: Annotated[
        Literal["wait", "requeue", "kill"],
        about("when it has taken longer: wait on; have its work given back, then terminate it; or terminate it"),
    ] = "wait"

    def candidates(
        self,
        census: Census,
        now: Number,
        retirable: Sequence[str] = (),
        oldest_first: bool = False,
        sites_first: Sequence[str] = (),
    ) -> tuple[tuple[Candidate, ...], str]:
        """First to last; and in words who is passed over, and why. Those in `retirable` go if they can at all."""
        running = (i for i in census.records if i.is_valid and i.state is InstanceState.RUNNING)
        knows_work = any(i.work is not None for i in running)
        passed_over: dict[str, list[Candidate]] = {}
        may_go = []
        settled = last_until(exact(now) - exact(self.min_lifetime))
        for instance in census.counted:
            why = self._stays(instance, retirable, settled, knows_work)
            if why is None:
                may_go.append(instance)
            else:
                passed_over.setdefault(why, []).append(instance)
        going = in_order_of_going(may_go, retirable, oldest_first, sites_first)
        return tuple(going), "; ".join(f"{_some(those)} {why}" for why, those in passed_over.items())

    def _stays(
        self, instance: Candidate, retirable: Sequence[str], settled: float, knows_work: bool
    ) -> str | None:
        """`settled`: when those that are old enough were RUNNING at the latest."""
        if instance.protected:
            return "protected"
        if instance.instance_id in retirable or instance.state is not InstanceState.RUNNING:
            return None
        if instance.state_time > settled:
            return f"younger than {self.min_lifetime:g} s"
        if instance.is_busy:
            return None if self.allow_busy else "busy"
        return "of unknown work" if instance.work is None and knows_work else None


def _some(instances: Sequence[Candidate]) -> str:
    more = len(instances) - MOST_NAMED
    return named(tuple(instances[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
