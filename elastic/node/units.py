"""What the agent watches on its machine, and what it says of it.

A watcher looks at the units of one supervisor. It raises Blind if it cannot: that is MONITOR_ERROR, the
supervisor's fault or ours; a unit that has failed is PROCESS_ERROR.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from elastic.errors import ElasticError
from elastic.model.actions import Work
from elastic.model.inside import SupervisordUnit, Unit
from elastic.model.states import Health

MOST_LINES = 20
MOST_CHARACTERS = 2000
MOST_FAILURES = 10


class Failure(msgspec.Struct, frozen=True):
    """A unit that has failed and that its supervisor does not start again. `exit` is its exit status, if known."""

    name: str
    state: str
    exit: int | None = None
    last_lines: tuple[str, ...] = ()


class Blind(ElasticError):
    """The supervisor cannot be asked, or does not know what we were told to watch."""


class Report(msgspec.Struct, frozen=True):
    """One look at everything."""

    state: Health = Health.OK
    error: str | None = None
    failures: tuple[Failure, ...] = ()
    metrics: Mapping[str, float] = {}
    work: Work | None = None


class Watcher(Protocol):
    def failures(self) -> Sequence[Failure]:
        """The failed ones among its units. Raises Blind."""


def watchers(units: Sequence[Unit]) -> list[Watcher]:
    """One for each."""
    return [_watcher(unit) for unit in units]


def look(watching: Sequence[Watcher]) -> Report:
    """A failed unit weighs more than a supervisor that could not be asked: it is certain."""
    failures: list[Failure] = []
    troubles: list[str] = []
    for watcher in watching:
        try:
            failures.extend(watcher.failures())
        except Blind as blind:
            troubles.append(str(blind)[:MOST_CHARACTERS])
        except Exception as error:  # what a supervisor says is not ours to promise: the heartbeat goes out
            troubles.append(f"{type(watcher).__name__}: {error!r}"[:MOST_CHARACTERS])
    if failures:
        told = [f"{failure.name} is {failure.state}" for failure in failures]
        text = "; ".join(told + troubles)[:MOST_CHARACTERS]
        return Report(Health.PROCESS_ERROR, text, tuple(failures[:MOST_FAILURES]))
    if troubles:
        return Report(Health.MONITOR_ERROR, "; ".join(troubles)[:MOST_CHARACTERS])
    return Report()


def last_lines(text: str) -> tuple[str, ...]:
    """As many of them as a heartbeat can carry, which is counted in bytes."""
    end = text.encode(errors="replace")[-MOST_CHARACTERS:].decode(errors="ignore")
    return tuple(end.splitlines()[-MOST_LINES:])


def _watcher(unit: Unit) -> Watcher:
    """Imported when asked for: most machines have one kind or none, and the agent is to stay small."""
    if isinstance(unit, SupervisordUnit):
        from elastic.node.supervisord import Supervisord

        return Supervisord(unit.url, unit.name)
    from elastic.node.systemd import Systemd

    return Systemd(unit.name)
