"""The product without one of its rules, so that it can be seen what each is there for. Each takes one away."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from elastic.adapters.store.memory import MemoryStore
from elastic.model.actions import Candidate
from elastic.model.heartbeat import DrainOrder, Heard
from elastic.model.instance import Instance
from elastic.model.server import Server
from elastic.model.states import InstanceState
from elastic.ports.store import Change
from elastic.roles import decider, drainer, provisioner, sensing, sweepable
from elastic.roles.pipe import Pipe
from elastic.rules import (
    drains,
    lifecycle,
    observing,
    provisioning,
    sampling,
    sizing,
    thresholds,
    wishes,
)
from elastic.rules.caution import Brake
from elastic.rules.dossier import Dossier, Look
from elastic.rules.strays import Claim

Patch = tuple[Any, str, Any]


def _fence() -> list[Patch]:
    """The store takes writes of whoever once held the partition, or the role."""
    return [(MemoryStore, "_check", lambda *_: None), (MemoryStore, "_check_held", lambda *_: None)]


def _look_before_create() -> list[Patch]:
    """A create is sent without looking whether there is a server already."""
    look = provisioning._fresh_look

    def blind(instance: Instance, dossier: Dossier, begun_after: float) -> Look | None:
        if instance.server_id is None and instance.state < InstanceState.TERMINATING:
            return Look(begun_after, instance.version)
        return look(instance, dossier, begun_after)

    return [(provisioning, "_fresh_look", blind)]


def _watching_since() -> list[Patch]:
    """All silence counts, whoever could have heard."""
    return [(Pipe, "watching_since", lambda *_: -1e9)]


def _brake() -> list[Patch]:
    return [(decider, "brake", lambda *_: Brake())]


def _sweep_s_ownership_check() -> list[Patch]:
    """What carries our mark is swept, whatever the record says."""
    return [(sweepable, "claim", lambda *_: Claim.STRAY)]


def _terminate_beats_create() -> list[Patch]:
    """Gone is what has no recorded server; nobody waits for a create that is under way."""
    return [(provisioning, "_prove_absence", lambda *_: None)]


def _attempt_note() -> list[Patch]:
    """A create is sent and not written down."""

    def unnoted(instance: Instance, n: int, now: float, **_: Any) -> Instance:
        return lifecycle.advance(instance, InstanceState.REQUESTED, now)

    return [(lifecycle, "attempted", unnoted)]


def _compare_and_set_adoption() -> list[Patch]:
    """Whoever has made a server writes it down, whatever is on record and whosever the partition is by now."""
    adopted, commit = lifecycle.adopted, MemoryStore.commit

    def overwritten(instance: Instance, server: Server, now: float) -> Instance:
        return adopted(replace(instance, server_id=None), server, now)

    def unchecked(store: MemoryStore, view: Any, fence: Any, wanted: Any) -> Any:
        if any(getattr(change.apply, "func", None) is overwritten for change in wanted.changes.values()):
            fence = replace(fence, serial=store.assignment().serial)
        return commit(store, view, fence, wanted)

    return [
        (lifecycle, "adopted", overwritten),
        (MemoryStore, "commit", unchecked),
        (provisioner, "Change", lambda apply, _version=None: Change(apply)),
    ]


def _release_of_parts() -> list[Patch]:
    """What a server had is left to the sweep."""
    return [(provisioning, "_release", lambda *_: None)]


def _sweep_s_ownership_check_of_parts() -> list[Patch]:
    """A part that carries our mark is swept, whatever the record says."""
    return [(sweepable, "claim_of_part", lambda *_: Claim.STRAY)]


def _sweep_of_parts() -> list[Patch]:
    return [(sweepable.Parts, "listed", lambda *_: [])]


def _protection() -> list[Patch]:
    """Whoever is protected may go like all others."""
    candidate = wishes._candidate

    def unprotected(*seen: Any) -> Candidate:
        return replace(candidate(*seen), protected=False)

    return [(wishes, "_candidate", unprotected)]


def _drain() -> list[Patch]:
    """Who is busy goes at once."""
    return [(Candidate, "is_busy", property(lambda _: False))]


def _taking_back() -> list[Patch]:
    """Who drains and is wanted again is not told so."""
    order_for = drains.order_for

    def one_way(instance_id: str, wanted: bool, gives_back: bool, heard: Heard) -> DrainOrder | None:
        return order_for(instance_id, wanted, gives_back, heard) if wanted else None

    return [(drainer, "order_for", one_way)]


def _no_data() -> list[Patch]:
    """What nobody tells is 0."""
    measured = sampling.measured

    def zero(*asked: Any) -> Fraction:
        return measured(*asked) or Fraction(0)

    return [(thresholds, "measured", zero), (observing, "measured", zero)]


def _soundness_of_readings() -> list[Patch]:
    """What a sensor tells is taken as it is."""
    return [(sensing, "sound", lambda told, *_: told)]


def _maximum() -> list[Patch]:
    limited = sizing.Limits._limited

    def unlimited(limits: sizing.Limits, wanted: int) -> int:
        return max(wanted, limited(limits, wanted))

    return [(sizing.Limits, "_limited", unlimited)]


RULES: Mapping[str, Any] = {
    "the fence": _fence,
    "look before create": _look_before_create,
    "watching_since": _watching_since,
    "the brake": _brake,
    "the sweep's ownership check": _sweep_s_ownership_check,
    "terminate beats create": _terminate_beats_create,
    "the attempt note": _attempt_note,
    "compare-and-set adoption": _compare_and_set_adoption,
    "the release of parts": _release_of_parts,
    "the sweep's ownership check of parts": _sweep_s_ownership_check_of_parts,
    "the sweep of parts": _sweep_of_parts,
    "the protection": _protection,
    "the drain of the busy": _drain,
    "taking back": _taking_back,
    "no data is not 0": _no_data,
    "the soundness of readings": _soundness_of_readings,
    "the maximum": _maximum,
}


@contextmanager
def without(rule: str) -> Iterator[None]:
    with ExitStack() as stack:
        for target, name, instead in RULES[rule]():
            stack.enter_context(patch.object(target, name, instead))
        yield
