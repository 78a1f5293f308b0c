"""From a domain's samples and its instances' work to the signals that laws are told."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Candidate, Question
from elastic.model.states import InstanceState
from elastic.rules.exact import Number, exact
from elastic.rules.sampling import measured
from elastic.rules.settings import Settings
from elastic.rules.signals import Signals

OF_THE_QUEUE = ("ready", "unacked", "running_acked", "arrival_rate", "service_time")
VALUE = "value"


class Observing(msgspec.Struct, frozen=True, kw_only=True):
    """`metrics`: by signal, the name under which a sensor tells it. A sample older than `max_age` seconds says
    nothing."""

    max_age: Number | Fraction
    metrics: Mapping[str, str]

    @classmethod
    def read(cls, settings: Settings, interval: Number) -> Self:
        metrics = settings.table("metrics")
        for signal, name in metrics.items():
            if signal not in (*OF_THE_QUEUE, VALUE):
                raise BadRequest(
                    f"{settings.named('metrics')} has no {signal!r}, only {', '.join(OF_THE_QUEUE)}, value"
                )
            if not isinstance(name, str) or not name:
                raise BadRequest(f"{settings.named('metrics')}.{signal} has to be the name of a metric")
        settings.table("queue")
        return cls(max_age=settings.number("max_age", max(Fraction(15), 3 * exact(interval))), metrics=metrics)

    def signals(self, question: Question, counted: Sequence[Candidate], missing: int) -> Signals:
        """Without `value`, which each law may have by another name; `missing` are yet to be replaced."""
        running = [i for i in counted if i.state is InstanceState.RUNNING]
        known = [i.work for i in running if i.work is not None]
        idle = sum(not work.is_busy for work in known)
        told = {name: self._told(self.metrics.get(name, name), question, ()) for name in OF_THE_QUEUE}
        return Signals(
            **told,
            in_service=len(running),
            booting=len(counted) - len(running) + missing,
            idle=Fraction(idle) if known else None,
            busy_slots=Fraction(sum(work.active for work in known) * len(running), len(known)) if known else None,
        )

    def value(self, metric: str | None, question: Question, counted: Sequence[Candidate]) -> Fraction | None:
        """Of a law's own metric, or of that which goes for all."""
        return self._told(metric or self.metrics.get(VALUE, VALUE), question, counted)

    def _told(self, name: str, question: Question, counted: Sequence[Candidate]) -> Fraction | None:
        return measured(name, question.sensors, counted, self.max_age, question.now)
