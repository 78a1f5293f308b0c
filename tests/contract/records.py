"""Records to put into a store, and the rights to do so."""

from typing import Any

from elastic.model.assignment import Assignment, Seat, Tenure
from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.ports.membership import Election
from elastic.ports.store import Store
from elastic.rules.ring import partition_of, slot_of

KEY = DomainKey("ooi", "app.controllers")

HOSTILE = (
    "'; DROP TABLE domains; --",
    '"quoted" \\ back\\\\slashed',
    "line\nfeed\ttab\rreturn\0nought",
    "\u202eright to left, \U0001f9a8, Zal\u0301go, \ufeffmark, \ud7ff\ue000",
    "../../etc/passwd %2e%2e%2f %s {0} ${HOME}",
    "</script>" + "x" * 10_000,
)


def domain(key: DomainKey = KEY, **fields: Any) -> Domain:
    return Domain(key=key, **{"general": {"engine": "simplest"}, "engine_conf": {"preserve_n": 3}, **fields})


def instance(instance_id: str, **fields: Any) -> Instance:
    return Instance(instance_id=instance_id, **{"site": "north", "deployable_type": "worker", **fields})


def seat_of(election: Election, role: str = "decider") -> Seat:
    seat = election.contend(role)
    assert seat is not None
    return seat


def assigned(store: Store, seat: Seat, holder: str = "m1") -> Assignment:
    """Everything to one member, by whoever sits in that seat."""
    term = store.raise_term(seat)
    before = store.assignment()
    partitions, serial = store.layout().partitions, before.serial + 1
    assignment = Assignment(
        term=term.number, serial=serial, holders=(holder,) * partitions, since=(serial,) * partitions
    )
    store.assign(seat, assignment)
    return assignment


def tenure_of(store: Store, key: DomainKey = KEY, member: str = "m1") -> Tenure:
    partition = partition_of(slot_of(key), store.layout().partitions)
    tenure = store.assignment().tenure(partition, member)
    assert tenure is not None
    return tenure
