"""What the leaders write, each in one transaction with the check of what gives them the right to.

The version of `/terms/ROLE` is the number of the term, and its data the seat that raised it. The version of
`/assignment` is the assignment's serial. A seat is held as long as its lock node is there: the node that once
was the lowest of its role and still exists is the lowest.
"""

from collections.abc import Sequence

from elastic.adapters import codec
from elastic.adapters.store.outcomes import check_assignable
from elastic.adapters.store.zookeeper.asks import Check, Delete, Exists, Found, Get, Op, Set, Watch
from elastic.adapters.store.zookeeper.paths import quoted
from elastic.adapters.store.zookeeper.records import persistently, put, upserts
from elastic.adapters.store.zookeeper.session import Session
from elastic.adapters.store.zookeeper.transaction import Refused
from elastic.errors import Stale, StoreUnavailable, Superseded
from elastic.model.assignment import Assignment, Seat, Term
from elastic.ports.store import Stray

AT_ONCE = 500  # strays noted in one transaction


def stored_assignment(session: Session, watch: Watch | None = None) -> tuple[Assignment, bytes]:
    [found] = session.read([Get(session.at("assignment"), watch)])
    if found is None:
        raise StoreUnavailable("the assignment was taken out of the store")
    return codec.decode(found.data, Assignment), found.data


def raise_term(session: Session, seat: Seat) -> Term:
    path, ours = _term(session, seat.role), codec.encode(seat)
    stored = _held(session, seat, path)
    if stored is None:
        put(session, path, b"")  # a role of a newer release
        stored = _held(session, seat, path) or Found(0, 0, 0)
    if stored.data == ours:
        return Term(seat.role, stored.version)

    def landed() -> bool:
        found = session.get(path)
        return found is not None and found.data == ours

    try:
        session.write([Check(seat.token, 0), Set(path, ours, stored.version)], landed)
    except Refused as refused:
        raise _lost(seat) from refused
    return Term(seat.role, stored.version + 1)


def assign(session: Session, seat: Seat, assignment: Assignment) -> None:
    path, table, body = _term(session, seat.role), session.at("assignment"), codec.encode(assignment)
    term = _held(session, seat, path)
    raised = term.version if term is not None and term.data == codec.encode(seat) else 0
    check_assignable(seat, raised, stored_assignment(session)[0].serial, assignment)
    ops: list[Op] = [Check(seat.token, 0), Check(path, raised), Set(table, body, assignment.serial - 1)]
    try:
        session.write(ops, landed=lambda: stored_assignment(session)[1] == body)
    except Refused as refused:
        if refused.op is ops[-1]:
            raise Stale(f"another assignment {assignment.serial} was written at the same time") from refused
        raise _lost(seat) from refused


def note_strays(session: Session, fence: Term, seen: Sequence[Stray], gone: Sequence[str]) -> None:
    """Many are noted in several transactions: each entry stands for itself."""
    is_newest = Check(_term(session, fence.role), fence.number)
    wanted = {_stray(session, stray.server_id): codec.encode(stray) for stray in seen}
    unwanted = [path for server_id in gone if (path := _stray(session, server_id)) not in wanted]
    paths = [*wanted, *unwanted]
    for begin in range(0, max(1, len(paths)), AT_ONCE):
        batch = paths[begin : begin + AT_ONCE]
        some = {path: wanted[path] for path in batch if path in wanted}
        others = [path for path in batch if path not in wanted]
        try:
            persistently(lambda some=some, others=others: _note(session, is_newest, some, others), fences=1)  # type: ignore[misc]
        except Refused as refused:
            raise Superseded(f"term {fence.number} of {fence.role} is over") from refused


def _note(session: Session, fence: Check, wanted: dict[str, bytes], unwanted: list[str]) -> None:
    there = session.read([Exists(path) for path in unwanted])
    ops: list[Op] = [fence, *upserts(session, wanted)]
    ops += [Delete(path) for path, node in zip(unwanted, there, strict=True) if node is not None]

    def landed() -> bool:
        found = session.read([Get(path) for path in wanted])
        gone = session.read([Exists(path) for path in unwanted])
        is_seen = [node is not None and node.data for node in found] == list(wanted.values())
        return is_seen and gone.count(None) == len(gone)

    session.write(ops, landed)


def _held(session: Session, seat: Seat, term: str) -> Found | None:
    """The node `term`, of a seat that is held. Superseded if it is not."""
    if not seat.token.startswith(session.at("elections", "")):
        raise _lost(seat)
    lock, found = session.read([Exists(seat.token), Get(term)])
    if lock is None:
        raise _lost(seat)
    return found


def _lost(seat: Seat) -> Superseded:
    return Superseded(f"{seat.member} no longer holds the role of {seat.role}")


def _term(session: Session, role: str) -> str:
    return session.at("terms", quoted(role))


def _stray(session: Session, server_id: str) -> str:
    return session.at("strays", quoted(server_id))
