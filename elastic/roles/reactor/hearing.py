"""Heartbeats: checked, and kept in memory for the doctor. Nothing here touches the store."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from sys import intern
from types import MappingProxyType
from typing import Any

import msgspec

from elastic.model.actions import Work
from elastic.model.domain import DomainKey, Json
from elastic.model.heartbeat import DRAINS, Heard, Heartbeat
from elastic.model.states import Health
from elastic.ports.bus import Pulse
from elastic.ports.clock import Clock
from elastic.ports.lastheard import LastHeard
from elastic.rules.exact import is_number
from elastic.rules.ring import slot_of

log = logging.getLogger(__name__)

PROBE = "probe"
LAST_HEARD, LAST_WORDS, SENSOR_DATA = "last_heard", "last_words", "sensor_data"
"""What members ask one another: the ages of instances' last words, these themselves, and a domain's metrics."""

MOST_BYTES = 64 * 1024
MOST_ERRORS = 20
LONGEST_ERROR = 1000
MOST_METRICS = 50
LONGEST_METRIC = 100
MOST_TASKS = 10**9

SAID = frozenset({Health.OK, Health.MONITOR_ERROR, Health.PROCESS_ERROR})
"""What an instance may say of itself; all else is for the doctor to say."""

NOTHING: Mapping[str, float] = MappingProxyType({})
"""Of those that tell no metrics, which are most: kept once."""

_decode = msgspec.json.Decoder(Heartbeat).decode
_slot_of = lru_cache(maxsize=65536)(slot_of)


class Hearing:
    """`known` tells the domain of an instance that this member looks after, from any thread, and null for all
    others. `is_signed(instance_id, body, mac)` tells whether that instance wrote it. `probed` gets the body of
    each probe that comes back, and says False of one that is forged."""

    def __init__(
        self,
        clock: Clock,
        lastheard: LastHeard,
        known: Callable[[str], DomainKey | None],
        is_signed: Callable[[str, bytes, str], bool],
        probed: Callable[[bytes], bool | None],
    ) -> None:
        self._clock, self._lastheard = clock, lastheard
        self._known, self._is_signed, self._probed = known, is_signed, probed
        self.dropped: Counter[str] = Counter()
        self.heard = 0

    def hear(self, pulses: Sequence[Pulse]) -> None:
        at = self._clock.monotonic()
        for pulse in pulses:
            try:
                fault = self._take(pulse, at)
            except Exception:  # what one VM says must not cost what all others said that came with it
                fault = "unforeseen"
                if not self.dropped[fault]:
                    log.exception("a heartbeat that nobody thought of; the next such ones are only counted")
            if fault is not None:
                self.dropped[fault] += 1
            elif pulse.mac != PROBE:
                self.heard += 1

    def _take(self, pulse: Pulse, at: float) -> str | None:
        """Note it; return why not, if it is to be dropped."""
        if pulse.mac == PROBE:
            return "forged_probe" if self._probed(pulse.body) is False else None
        if len(pulse.body) > MOST_BYTES:
            return "too_big"
        try:
            beat = _decode(pulse.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return "malformed"
        if beat.state not in SAID:
            return "malformed"
        return self._refusal(beat, pulse) or self._note(beat, pulse.reply_to, at)

    def _refusal(self, beat: Heartbeat, pulse: Pulse) -> str | None:
        key = self._known(beat.node_id)
        if key is None:
            return "unknown"
        if not self._is_signed(beat.node_id, pulse.body, pulse.mac):
            return "unsigned"
        if key != (beat.owner, beat.domain_id) or pulse.slot != _slot_of(key):
            return "misplaced"
        return None

    def _note(self, beat: Heartbeat, reply_to: str | None, at: float) -> str | None:
        try:
            errors = _errors(beat)
        except RecursionError:  # so deep that it could be read and cannot be shown
            return "malformed"
        metrics = _metrics(beat) if beat.metrics else NOTHING
        heard = Heard(
            at, intern(beat.state), errors, beat.boot, beat.seq, metrics, reply_to, _work(beat), _drain(beat)
        )
        return None if self._lastheard.note(beat.node_id, heard) else "stale"


class LastWord(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance last said of itself, but for its health."""

    work: Work | None = None
    drain: str = ""
    metrics: Mapping[str, float] = {}


def word_of(instance_id: str, lastheard: LastHeard) -> LastWord:
    heard = lastheard.of(instance_id)
    return (
        LastWord() if heard is None else LastWord(work=heard.work, drain=heard.drain, metrics=dict(heard.metrics))
    )


def ages_of(instance_ids: Sequence[str], lastheard: LastHeard, now: float) -> dict[str, float | None]:
    """Seconds since each was heard from by this member; null for never."""
    words = {instance_id: lastheard.of(instance_id) for instance_id in instance_ids}
    return {i: None if heard is None else round(max(0.0, now - heard.at), 3) for i, heard in words.items()}


def _errors(beat: Heartbeat) -> tuple[str, ...]:
    said = [beat.error] if beat.error else []
    texts = said + [_failure(process) for process in beat.failed_processes]
    return tuple(text[:LONGEST_ERROR] for text in texts[:MOST_ERRORS])


def _metrics(beat: Heartbeat) -> Mapping[str, float]:
    """The numbers that it tells, as far as we keep them: all VMs' together have to find room here."""
    numbers = {name: value for name, value in beat.metrics.items() if is_number(value)}
    return {name[:LONGEST_METRIC]: numbers[name] for name in islice(numbers, MOST_METRICS)}


def _work(beat: Heartbeat) -> Work | None:
    """What is no count is as if it had not been told."""
    try:
        work = msgspec.convert(beat.work, Work | None)
    except msgspec.ValidationError:
        return None
    if work is None or not all(0 <= count <= MOST_TASKS for count in (work.active, work.reserved, work.scheduled)):
        return None
    return work


def _drain(beat: Heartbeat) -> str:
    said = beat.drain or ""
    return intern(said) if said in DRAINS else ""


def _failure(process: Mapping[str, Any]) -> str:
    """`name: state, exitcode 1: its last words`, as far as it is told."""
    rest: dict[str, Json] = dict(process)
    name, last_words = rest.pop("name", "a process"), rest.pop("stderr", "")
    facts = ", ".join(f"{key} {value}" for key, value in rest.items() if value is not None)
    return ": ".join(str(part) for part in (name, facts, last_words) if part)
