"""From a domain's samples and its instances' work to the signals that laws are told."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any

from elastic.model.actions import Candidate, Question
from elastic.model.kinds import Name, NotNegative, Section, about
from elastic.model.states import InstanceState
from elastic.rules.exact import Number, exact
from elastic.rules.sampling import measured
from elastic.rules.signals import Signals

OF_THE_QUEUE = ("ready", "unacked", "running_acked", "arrival_rate", "service_time")
LEAST_AGE = 15  # seconds


class Metrics(Section, frozen=True, kw_only=True):
    """By signal; without one, the metric is called as the signal is."""

    ready: Annotated[Name | None, about("tasks that wait", default="ready")] = None
    unacked: Annotated[Name | None, about("tasks that a worker has taken", default="unacked")] = None
    running_acked: Annotated[
        Name | None, about("tasks under way that are acknowledged already", default="running_acked")
    ] = None
    arrival_rate: Annotated[Name | None, about("tasks that come in a second", default="arrival_rate")] = None
    service_time: Annotated[Name | None, about("seconds that a task takes", default="service_time")] = None
    value: Annotated[Name | None, about("for policies that name no metric of their own", default="value")] = None

    def of(self, signal: str) -> str:
        said: str | None = getattr(self, signal)
        return signal if said is None else said


class Observing(Section, frozen=True, kw_only=True):
    """A sample that is too old says nothing."""

    max_age: Annotated[
        NotNegative | None, about("seconds for which a sample counts", default="three intervals, 15 at least")
    ] = None
    metrics: Annotated[Metrics, about("by what name a sensor tells each signal")] = Metrics()
    queue: Annotated[dict[str, Any], about("for whoever collects them; not used yet")] = {}

    def oldest(self, interval: Number) -> Number | Fraction:
        """Seconds, for a domain that is looked at every `interval`."""
        return max(Fraction(LEAST_AGE), 3 * exact(interval)) if self.max_age is None else self.max_age

    def signals(
        self, question: Question, counted: Sequence[Candidate], missing: int, max_age: Number | Fraction
    ) -> Signals:
        """Without `value`, which each law may have by another name; `missing` are yet to be replaced."""
        running = [i for i in counted if i.state is InstanceState.RUNNING]
        known = [i.work for i in running if i.work is not None]
        idle = sum(not work.is_busy for work in known)
        told = {
            name: measured(self.metrics.of(name), question.sensors, (), max_age, question.now)
            for name in OF_THE_QUEUE
        }
        return Signals(
            **told,
            in_service=len(running),
            booting=len(counted) - len(running) + missing,
            idle=Fraction(idle) if known else None,
            busy_slots=Fraction(sum(work.active for work in known) * len(running), len(known)) if known else None,
        )

    def value(
        self, metric: str | None, question: Question, counted: Sequence[Candidate], max_age: Number | Fraction
    ) -> Fraction | None:
        """Of a law's own metric, or of that which goes for all."""
        name = metric or self.metrics.of("value")
        return measured(name, question.sensors, counted, max_age, question.now)
