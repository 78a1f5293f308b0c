"""How this replica does, for whoever asks by HTTP: numbers, and what ails it. Only looks, in other threads."""

from collections import Counter
from collections.abc import Mapping, Sequence

from elastic.adapters.bus.listener import Served
from elastic.agent import Agent
from elastic.metrics.picture import Picture
from elastic.model.view import View
from elastic.replica.living import Living


class Health:
    """`turn`: seconds; a loop that is late by two of them ails. `loops`: those of the bus."""

    def __init__(self, agent: Agent, living: Living, turn: float, loops: Mapping[str, Served]) -> None:
        self._agent = agent
        self._living = living
        self._turn = turn
        self._loops = loops

    def picture(self) -> Picture:
        staff = self._agent.staff
        views, now = staff.mirror.views(), staff.clock.monotonic()
        return Picture(
            loop_age=self._agent.loop_ages() | self._bus_ages(now),
            visits={cycle.name: cycle.visits for cycle in staff.cycles},
            failed_visits={cycle.name: cycle.failed_visits for cycle in staff.cycles},
            overruns={"decider": staff.thoughts.overruns},
            heard=self._agent.reactor.heard,
            dropped=Counter(staff.heartbeats.dropped) + Counter(self._agent.reactor.dropped),
            refused=self._refused(),
            partitions=len(staff.mirror.partitions()),
            domains=len(views),
            instances=Counter(instance.state.value for view in views for instance in view.instances),
            terms=staff.leadership.terms(),
            leads=self._agent.leads(),
            connected={"store": not self._agent.store_is_lost, "bus": self._agent.hears()},
            braked={
                "domain": sum(_is_braked(view) for view in views),
                "site": sum(staff.tally.is_braked(site, now) for site in staff.mirror.sites()),
            },
        )

    def _bus_ages(self, now: float) -> dict[str, float]:
        return {name: now - loop.turned for name, loop in self._loops.items()}

    def _refused(self) -> Counter[str]:
        others = (loop for name, loop in self._loops.items() if name != "heartbeats")
        malformed = Counter({"malformed_word": self._agent.malformed})
        return sum((Counter(loop.dropped) for loop in others), malformed)

    def ailments(self) -> Sequence[str]:
        late = (
            f"the {name} loop is {by:.1f} s late"
            for name, by in self._living.late().items()
            if by > 2 * self._turn
        )
        deaf = (
            f"the bus's loop {name} has not gone round for {age:.1f} s"
            for name, age in self._bus_ages(self._agent.staff.clock.monotonic()).items()
            if age > 4 * self._turn
        )
        found = [*late, *deaf, self._agent.staff.sweep.trouble]
        if self._agent.cut_turns > 1 and not self._agent.store_is_lost:
            found.append(
                f"the last {self._agent.cut_turns} turns could not be done to their end; the log says why"
            )
        if self._agent.store_is_lost:
            found.append("the store does not answer")
        if not self._agent.hears():
            found.append("no heartbeats can reach us: the bus is lost")
        return [text for text in found if text]


def _is_braked(view: View) -> bool:
    condition = view.standing.condition("BrakeOn")
    return condition is not None and condition.status
