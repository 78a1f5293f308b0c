"""Short ways to say: an instance, a question."""

from collections.abc import Iterable, Mapping
from typing import Any

from elastic.model.actions import Answer, Candidate, Question, Sample, Work
from elastic.model.states import Health, InstanceState

STATES = {state.value[:3]: state for state in InstanceState}
BUSY = Work(active=1)
IDLE = Work()


def one(name: str, state: int = 600, health: str = "OK", at: float = 0, **rest: Any) -> Candidate:
    """`state` by its number; RUNNING and well unless said."""
    return Candidate(instance_id=name, state=STATES[str(state)], health=Health(health), state_time=at, **rest)


def several(site: str, count: int, **rest: Any) -> list[Candidate]:
    """`count` of them at `site`, called A0, A1, ... at site A."""
    return [one(f"{site}{n}", site=site, **rest) for n in range(count)]


def failures(count: int, at: float = 100, **rest: Any) -> list[Candidate]:
    return [one(f"f{n}", 900, "UNKNOWN", at, **rest) for n in range(count)]


def asked(
    conf: Mapping[str, Any], instances: Iterable[Candidate] = (), now: float = 1000, **rest: Any
) -> Question:
    return Question(engine_conf=conf, instances=tuple(instances), now=now, **rest)


def memo(size: int, *draining: str, last_change: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"last_change": last_change, "size": size, "draining": list(draining)}


def stages(answer: Answer) -> set[str]:
    return {reason.stage for reason in answer.reasons}


def launched(answer: Answer) -> list[str]:
    """The sites of its launches, in order."""
    return [launch.site for launch in answer.launches]


def sampled(value: float | None, at: float = 1000) -> dict[str, Sample]:
    return {"load": Sample(at, value)}
