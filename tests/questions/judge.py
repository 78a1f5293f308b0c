"""What has to be so of every answer, reckoned anew from the question: no rule of the engines is asked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from random import Random
from typing import Any

import msgspec

from elastic.model.actions import Answer, Candidate, Question
from elastic.model.states import InstanceState
from elastic.rules.policy import decide
from tests.questions.drawn import FAILED, Asked, Bounds

Engines = Mapping[str, Any]


def faults_of(asked: Asked, engines: Engines, chance: Random) -> list[str]:
    """In words; none if all is well. `chance`: for the order in which the instances come the second time."""
    question = asked.question
    try:
        answer = decide(question, engines)
        other = chance.sample(question.instances, len(question.instances))
        again = decide(msgspec.structs.replace(question, instances=tuple(other)), engines)
        told: Answer = msgspec.json.decode(msgspec.json.encode(answer), type=Answer)
        decide(msgspec.structs.replace(question, now=question.now + 10, memo=told.memo), engines)
    except Exception as fault:  # whatever it is, it is what is looked for
        return [f"{type(fault).__name__}: {fault}"]
    faults = [*Judge(question, asked.bounds, answer).faults()]
    if again != answer:
        faults.append("another answer, when the instances come in another order")
    if told != answer:
        faults.append("another answer, when it has been written as JSON and read")
    return faults


class Judge:
    """One answer beside its question."""

    def __init__(self, question: Question, bounds: Bounds, answer: Answer) -> None:
        self._question, self._bounds, self._answer = question, bounds, answer
        first = next(iter(bounds.sites))
        self._all = {i.instance_id: i for i in question.instances}
        self._site = {i.instance_id: first if i.site is None else i.site for i in question.instances}
        self._valid = [i for i in question.instances if i.is_valid]
        draining = (question.memo or {}).get("draining") or ()
        may_leave = {i.instance_id for i in self._valid if not i.protected}
        self._leaving = [name for name in dict.fromkeys(draining) if name in may_leave]
        self._counted = [i for i in self._valid if i.instance_id not in self._leaving]
        self._named = (*answer.terminates, *answer.drains)
        self._staying = [i for i in self._valid if i.instance_id not in self._named]

    def faults(self) -> Iterator[str]:
        yield from self._ids()
        if self._question.removed:
            yield from self._removed()
            return
        yield from self._size()
        if self._question.engine_conf.get("dry_run"):
            yield from self._dry()
            return
        yield from self._who_goes()
        yield from self._launches()
        yield from self._reached()
        yield from self._status()

    def _ids(self) -> Iterator[str]:
        if len(set(self._named)) < len(self._named):
            yield f"an id stands twice: {self._named}"
        if unknown := set(self._named) - set(self._all):
            yield f"there is no {unknown}"

    def _removed(self) -> Iterator[str]:
        answer, going = self._answer, {i.instance_id for i in self._all.values() if not i.state.is_over}
        going |= {i.instance_id for i in self._all.values() if i.is_zombie}
        if set(answer.terminates) != going or answer.launches or answer.drains or answer.desired:
            yield f"removed, and not all of {going} go, or something else is wanted"

    def _size(self) -> Iterator[str]:
        question, bounds, desired = self._question, self._bounds, self._answer.desired
        if bounds.maximum is not None and desired > bounds.maximum:
            yield f"{desired} are wanted, and the maximum is {bounds.maximum}"
        if desired < bounds.minimum and (question.share is None or desired < question.share):
            yield f"{desired} are wanted, and the minimum is {bounds.minimum}"
        if question.share is None:
            return
        here = sum(i.protected or not self._is_out_of_place(i) for i in self._counted)
        most = question.share if question.engine_conf["reclaim"] else max(question.share, here)
        if desired > most:
            yield f"{desired} are wanted, and the share is {question.share}, with {here} there"

    def _dry(self) -> Iterator[str]:
        answer = self._answer
        if answer.launches or answer.terminates or [*answer.drains] != self._leaving:
            yield "a dry run does something"
        if answer.memo != self._question.memo:
            yield "a dry run remembers something"

    def _who_goes(self) -> Iterator[str]:
        answer = self._answer
        for name, i in self._all.items():
            if (i.is_unhealthy or i.is_zombie) and name not in answer.terminates:
                yield f"{name} is ill, and does not go"
            elif i.state.is_over and not i.is_zombie and name in self._named:
                yield f"{name} is over, and is named"
            elif i.is_valid and name in self._named:
                yield from self._goes(i, name in answer.drains)
        if list(answer.drains) != (answer.memo or {}).get("draining"):
            yield "what drains is not remembered"

    def _goes(self, i: Candidate, drains: bool) -> Iterator[str]:
        name, was_leaving = i.instance_id, i.instance_id in self._leaving
        if i.protected:
            yield f"{name} is protected, and goes"
        if i.is_busy and not drains:
            yield f"{name} is busy, and is terminated"
        if drains and not i.is_busy and (i.is_idle or i.state.is_coming or not was_leaving):
            yield f"{name} has no work, and drains"
        if self._answer.launches and not was_leaving and not self._has_to_go(i):
            yield f"{name} is too many, and others are launched"

    def _has_to_go(self, i: Candidate) -> bool:
        """Whatever the size."""
        size = self._bounds.sites.get(self._site[i.instance_id])
        at_site = sum(self._site[i.instance_id] == self._site[other.instance_id] for other in self._counted)
        crowded = self._question.engine == "overflow" and size is not None and at_site > size
        return self._is_out_of_place(i) or crowded or i.instance_id == self._bounds.condemned

    def _is_out_of_place(self, i: Candidate) -> bool:
        return self._bounds.moves and self._site[i.instance_id] not in self._bounds.sites

    def _launches(self) -> Iterator[str]:
        answer = self._answer
        if answer.launches and len(self._staying) + len(answer.launches) > answer.desired:
            yield f"{len(answer.launches)} are launched, and {len(self._staying)} of {answer.desired} are there"
        for site, count in Counter(launch.site for launch in answer.launches).items():
            if site not in self._bounds.sites:
                yield f"a launch at {site}, which the config does not name"
                continue
            if self._is_closed(site):
                yield f"a launch at {site}, which is in backoff"
            room = self._room(site)
            if room is not None and count > room:
                yield f"{count} are launched at {site}, which has room for {room}"

    def _room(self, site: str) -> int | None:
        """Who ends makes room at once; who was leaving already, once it is gone."""
        size = self._bounds.sites[site]
        if size is None:
            return None
        ends = set(self._answer.terminates) - set(self._leaving)
        there = [i for i in self._valid if self._site[i.instance_id] == site and i.instance_id not in ends]
        return max(0, size - len(there))

    def _is_closed(self, site: str) -> bool:
        """It is in backoff."""
        there = [i for i in self._all.values() if self._site[i.instance_id] == site]
        running = [i.state_time for i in there if i.state is InstanceState.RUNNING]
        failed = [i.state_time for i in there if i.state in FAILED]
        failed = [at for at in failed if not running or at > max(running)]
        if len(failed) < 2:
            return False
        delay = min(5 << len(failed) - 2, 300)
        return _told(self._question.now) < _told(max(failed)) + delay

    def _reached(self) -> Iterator[str]:
        """What is wanted comes of it, or a reason says why not."""
        answer, stages = self._answer, {reason.stage for reason in self._answer.reasons}
        there = len(self._staying) + len(answer.launches)
        if there < answer.desired and not stages & {"backoff", "capacity", "unique"}:
            yield f"{there} of {answer.desired} come of it, and no reason says why"
        if there > answer.desired and not stages & {"victims", "retire"}:
            yield f"{there} in place of {answer.desired} come of it, and no reason says why"

    def _status(self) -> Iterator[str]:
        answer = self._answer
        pending = answer.launches or self._named or any(i.state.is_coming for i in self._valid)
        waits = any(reason.stage == "backoff" for reason in answer.reasons)
        if answer.status == "STABLE" if pending else answer.status == "PENDING" and not waits:
            yield f"it says {answer.status}"


def _told(number: float) -> Fraction:
    return Fraction(repr(number))
