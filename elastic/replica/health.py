"""How this replica does, for whoever asks by HTTP: numbers, and what ails it. Only looks, in other threads."""

from collections import Counter
from collections.abc import Sequence

from elastic.agent import Agent
from elastic.metrics.picture import Picture
from elastic.model.view import View
from elastic.parts import Plant
from elastic.replica.living import Living


class Health:
    """`turn`: seconds; a loop that is late by two of them ails."""

    def __init__(self, agent: Agent, planted: Plant, living: Living, turn: float) -> None:
        self._agent = agent
        self._plant = planted
        self._living = living
        self._turn = turn

    def picture(self) -> Picture:
        staff = self._agent.staff
        views, now = staff.mirror.views(), staff.clock.monotonic()
        return Picture(
            loop_age=self._agent.loop_ages(),
            visits={cycle.name: cycle.visits for cycle in staff.cycles},
            failed_visits={cycle.name: cycle.failed_visits for cycle in staff.cycles},
            overruns={"decider": staff.thoughts.overruns},
            heard=self._agent.reactor.heard,
            dropped=Counter(self._plant.heartbeats.dropped) + Counter(self._agent.reactor.dropped),
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

    def ailments(self) -> Sequence[str]:
        late = (
            f"the {name} loop is {by:.1f} s late"
            for name, by in self._living.late().items()
            if by > 2 * self._turn
        )
        found = [*late, self._agent.staff.sweep.trouble]
        if self._agent.store_is_lost:
            found.append("the store does not answer")
        if not self._agent.hears():
            found.append("no heartbeats can reach us: the bus is lost")
        return [text for text in found if text]


def _is_braked(view: View) -> bool:
    condition = view.standing.condition("BrakeOn")
    return condition is not None and condition.status
