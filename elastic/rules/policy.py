"""Ask a domain's engine, or, when the domain is removed, none."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Answer, Question, Reason
from elastic.model.domain import DEFAULT_ENGINE
from elastic.rules.exact import is_number

LEAST_INTERVAL = 1.0  # seconds


class Policy(Protocol):
    """The part of an engine that the rules need to know; the whole is in `ports/engine`."""

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self: ...

    def decide(self, question: Question) -> Answer: ...


class Considered(msgspec.Struct, frozen=True):
    """`again`: seconds until the engine wants to be asked once more, though nothing changes; null: no need."""

    answer: Answer
    again: float | None = None


def decide(question: Question, engines: Mapping[str, type[Policy]]) -> Answer:
    """What the engine that `question` names would do. Raise BadRequest that names what is wrong with it."""
    return consider(question, engines).answer


def consider(question: Question, engines: Mapping[str, type[Policy]]) -> Considered:
    """As `decide`, for one who asks more than once."""
    _check_distinct(question)
    if question.removed:
        return Considered(emptied(question))
    if question.share is not None and question.share < 0:
        raise BadRequest(f"share must not be negative, but is {question.share}")
    engine = engine_named(question.engine, engines)
    configured = engine.configured(question.engine_conf)
    answer = _checked(configured.decide(question), engine)
    again = getattr(configured, "interval", None)
    return Considered(answer, max(LEAST_INTERVAL, float(again)) if is_number(again) else None)


def _checked(answer: object, engine: type[Policy]) -> Answer:
    """The answer, wholly of the types that it is to have: engines are plug-ins. TypeError."""
    if not isinstance(answer, Answer):
        raise TypeError(f"{engine.__name__} returned {type(answer).__name__}, no answer")
    try:
        return msgspec.convert(msgspec.to_builtins(answer), Answer)
    except (TypeError, msgspec.ValidationError) as fault:
        raise TypeError(f"{engine.__name__} answered nonsense: {fault}") from None


def engine_named(name: str | None, engines: Mapping[str, type[Policy]]) -> type[Policy]:
    """The engine of that name; null is the default one."""
    wanted = DEFAULT_ENGINE if name is None else name
    if wanted not in engines:
        raise BadRequest(f"engine: there is none called {wanted!r}, only {', '.join(sorted(engines))}")
    return engines[wanted]


def emptied(question: Question) -> Answer:
    """A removed domain ends empty: no config is read, so that a faulty one cannot keep it alive."""
    first = [i.instance_id for i in question.instances if i.is_unhealthy or i.is_zombie]
    rest = [i.instance_id for i in question.instances if i.is_valid]
    terminates = (*sorted(first), *sorted(rest))
    return Answer(
        terminates=terminates,
        desired=0,
        status="PENDING" if terminates else "STABLE",
        reasons=(Reason("removed", "nothing of the domain is to stay"),),
    )


def _check_distinct(question: Question) -> None:
    times = Counter(instance.instance_id for instance in question.instances)
    twice = [name for name, count in times.items() if count > 1]
    if twice:
        raise BadRequest(f"instance_id {twice[0]!r} is given twice")
