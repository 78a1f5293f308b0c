"""`elastic whatif SUBJECT`: what a rule says to a question. JSON lines in, JSON lines out; no cluster.

Each subject is a record that the question has to fit, key by key, and the very function that the roles call.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, BinaryIO

import msgspec
from cliff.command import Command
from msgspec.structs import replace

from elastic.engines import installed_engines
from elastic.errors import BadRequest, ElasticError
from elastic.model.actions import Answer, Candidate, Question, Reason, Sample, Work
from elastic.model.domain import DomainKey
from elastic.model.states import Health, InstanceState
from elastic.rules import ring
from elastic.rules.census import LastChange
from elastic.rules.config import checked_health
from elastic.rules.diagnosis import Verdict, diagnose
from elastic.rules.exact import Number, exact
from elastic.rules.pipeline import Past, Pipeline, Turn
from elastic.rules.policy import decide
from elastic.rules.schema import keys_of, read
from elastic.rules.shares import shares
from elastic.rules.signals import Signals

COUNTS = ("in_service", "booting", "draining")
AS_WRITTEN = frozenset({"engine_conf", "extravars", "memo", "policies", "capacity", "behaviour", "fallback"})


class SampleAsked(Sample, frozen=True, forbid_unknown_fields=True): ...


class WorkAsked(Work, frozen=True, forbid_unknown_fields=True): ...


class CandidateAsked(Candidate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sensors: Mapping[str, SampleAsked] = {}
    work: WorkAsked | None = None


class DomainAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    engine: str | None = None
    engine_conf: Mapping[str, Any] = {}
    removed: bool = False
    share: int | None = None


class Decide(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    domain: DomainAsked
    instances: tuple[CandidateAsked, ...] = ()
    sensors: Mapping[str, SampleAsked] = {}
    now: float
    memo: Mapping[str, Any] | None = None

    def answer(self) -> Answer:
        question = Question(
            engine=self.domain.engine,
            engine_conf=self.domain.engine_conf,
            removed=self.domain.removed,
            share=self.domain.share,
            instances=self.instances,
            sensors=self.sensors,
            now=self.now,
            memo=self.memo,
        )
        answer = decide(question, _engines())
        return replace(answer, reasons=tuple(Reason(r.stage, r.text) for r in answer.reasons))


class PolicyAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    boot_timeout: Number | None = None
    missing_timeout: Number | None = None
    really_missing_timeout: Number | None = None
    zombie_seconds: Number | None = None


class InstanceAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: InstanceState
    state_time: float
    health: Health
    health_time: float | None = None


class WordAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    at: float
    state: str
    errors: tuple[str, ...] = ()


class Diagnose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    policy: PolicyAsked = PolicyAsked()
    instance: InstanceAsked
    last_heartbeat: WordAsked | None = None
    asked_at: float | None = None
    watching_since: float | None = None
    now: float

    def answer(self) -> Verdict:
        return diagnose(
            policy=checked_health(msgspec.to_builtins(self.policy)),
            state=self.instance.state,
            state_time=self.instance.state_time,
            health=self.instance.health,
            health_time=self.instance.health_time,
            heard=self.last_heartbeat,
            asked_at=self.asked_at,
            watching_since=self.watching_since,
            now=self.now,
        )


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    members: Mapping[str, Number]
    partitions: int
    domains: tuple[str, ...] = ()
    previous: Mapping[int, str] | None = None

    def answer(self) -> Mapping[str, Any]:
        assignment = ring.assign(self.members, self.partitions, self.previous)
        load = Counter(assignment.values())
        return {
            "owners": {name: assignment[self._partition(name)] for name in self.domains},
            "load": {member: load[member] for member in self.members},
            "assignment": assignment,
            "moved": ring.moved(self.previous or {}, assignment),
        }

    def _partition(self, domain: str) -> int:
        owner, colon, name = domain.partition(":")
        if not colon:
            raise BadRequest(f"domains: {domain!r} is not of the form owner:domain_id")
        return ring.partition_of(ring.slot_of(DomainKey.checked(owner, name)), self.partitions)


class SignalsAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In the words of the wire; null or missing: no data."""

    ready: Number | None = None
    unacked: Number | None = None
    running_acked: Number | None = None
    in_service: int | None = None
    booting: int | None = None
    idle: Number | None = None
    draining: int | None = None
    busy_slots: Number | None = None
    arrival_rate: Number | None = None
    service_time: Number | None = None
    value: Number | None = None

    def signals(self) -> Signals:
        counts = {name: getattr(self, name) or 0 for name in COUNTS}
        for name, count in counts.items():
            if count < 0:
                raise BadRequest(f"signals.{name} must not be negative, but is {count}")
        told = {name: getattr(self, name) for name in self.__struct_fields__ if name not in COUNTS}
        known = {name: exact(number) for name, number in told.items() if number is not None}
        return Signals(in_service=counts["in_service"], booting=counts["booting"], **known)


class Size(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pipeline of the engine `policy` alone, on signals that are told."""

    policies: Any = None
    capacity: Any = None
    behaviour: Any = None
    combine: Any = None
    fallback: Any = None
    signals: SignalsAsked = SignalsAsked()
    share: int | None = None
    misses: int = 0
    history: tuple[Past, ...] = ()
    last_change: LastChange | None = None
    now: float

    def answer(self) -> Mapping[str, Any]:
        if self.share is not None and self.share < 0:
            raise BadRequest(f"share must not be negative, but is {self.share}")
        pipeline = read(Pipeline, {key: getattr(self, key) for key in keys_of(Pipeline)})
        signals = self.signals.signals()
        turn = Turn(
            signals=dict.fromkeys(pipeline.laws, signals),
            current=signals.current,
            counted=signals.current,
            now=self.now,
            share=self.share,
            misses=self.misses,
            history=self.history,
            last_change=self.last_change,
        )
        outcome = pipeline.run(turn)
        return {
            "raw": outcome.raw,
            "desired": outcome.desired,
            "stages": [{"stage": s.stage, "value": s.value, "reason": s.reason} for s in outcome.stages],
        }


class Share(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    total: int
    weights: tuple[Number, ...]

    def answer(self) -> Mapping[str, Any]:
        return {"shares": shares(self.total, self.weights)}


Subject = Decide | Diagnose | Own | Share | Size
SUBJECTS: Mapping[str, type[Subject]] = {
    "decide": Decide,
    "diagnose": Diagnose,
    "own": Own,
    "share": Share,
    "size": Size,
}


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    question: Mapping[str, Any] = msgspec.field(name="in")
    id: Any = None


def answer_lines(subject: str, lines: Iterable[bytes], write: Callable[[bytes], object]) -> int:
    """Answer each line with one; return how many of them failed."""
    failed = 0
    for number, line in enumerate(lines, 1):
        answer = _answer(SUBJECTS[subject], line, number)
        failed += "error" in answer
        write(msgspec.json.encode(answer) + b"\n")
    return failed


def _answer(subject: type[Subject], line: bytes, number: int) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        return {"id": None, "error": f"line {number}: {fault}"}
    if not isinstance(said, dict):
        return {"id": None, "error": f"line {number}: not a JSON object"}

    try:
        asked = msgspec.convert(said, Line)
        out = msgspec.convert(_whole(asked.question), subject, str_keys=True).answer()
    except (ElasticError, msgspec.ValidationError) as fault:
        return {"id": said.get("id"), "error": str(fault)}
    except Exception as fault:  # an engine's own fault ends its answer, not the answers to come
        return {"id": said.get("id"), "error": f"{type(fault).__name__}: {fault}"}
    return {"id": asked.id, "out": out}


def _whole(value: Any) -> Any:
    """2.0 counts as 2 wherever a whole number is asked for."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: item if key in AS_WRITTEN else _whole(item) for key, item in value.items()}
    return value


@cache
def _engines() -> Mapping[str, Any]:
    return installed_engines()


class WhatIf(Command):
    """Try a rule without a cluster: JSON lines on stdin, JSON lines on stdout."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_subject(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        return serve(parsed_args.subject, sys.stdin.buffer, sys.stdout.buffer)


def serve(subject: str, source: BinaryIO, sink: BinaryIO) -> int:
    """Return the exit code: 0 if no line failed."""

    def write(line: bytes) -> None:
        sink.write(line)
        sink.flush()

    try:
        return 1 if answer_lines(subject, source, write) else 0
    except BrokenPipeError:  # nobody reads on; and nothing may be left that Python would try to flush at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())
        return 1


def _add_subject(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", choices=sorted(SUBJECTS), help="the rule that is asked")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="elastic whatif", description=WhatIf.__doc__)
    _add_subject(parser)
    return serve(parser.parse_args(argv).subject, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    sys.exit(main())
