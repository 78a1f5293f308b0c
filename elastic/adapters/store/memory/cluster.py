"""Who is who, in memory."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from elastic.adapters import codec
from elastic.adapters.store.memory.state import MemoryState
from elastic.adapters.store.outcomes import check_assignable
from elastic.errors import NotFound, Superseded
from elastic.model.assignment import Assignment, Layout, Member, Seat, Term
from elastic.model.domain import DomainKey, Json
from elastic.ports.store import Quarantine, Stray


class MemoryCluster(MemoryState):
    def layout(self) -> Layout:
        return self._layout

    def assignment(self) -> Assignment:
        with self.lock:
            return codec.decode(self._assignment, Assignment)

    def terms(self) -> Mapping[str, int]:
        with self.lock:
            return {role: term.number for role, (term, _) in self._terms.items()}

    def raise_term(self, seat: Seat) -> Term:
        with self.lock:
            self._check_held(seat)
            term, raiser = self._terms.get(seat.role, (Term(seat.role, 0), None))
            if raiser != seat:
                term = Term(seat.role, term.number + 1)
                self._terms[seat.role] = (term, seat)
            return term

    def assign(self, seat: Seat, assignment: Assignment) -> None:
        blob = codec.encode(assignment)
        with self.lock:
            self._check_held(seat)
            term, raiser = self._terms.get(seat.role, (Term(seat.role, 0), None))
            check_assignable(seat, term.number if raiser == seat else 0, self._serial, assignment)
            self._assignment, self._serial = blob, assignment.serial

    def _check_held(self, seat: Seat) -> None:
        if not self.leases.holds(seat):
            raise Superseded(f"{seat.member} no longer holds the role of {seat.role}")

    def members(self) -> Mapping[str, Member]:
        with self.lock:
            members = [codec.decode(blob, Member) for blob in self._members.values()]
            return {m.name: replace(m, weight=self._weights.get(m.name, m.weight)) for m in members}

    def describe_member(self, member: Member) -> None:
        with self.lock:
            self._members[member.name] = codec.encode(member)

    def set_weight(self, name: str, weight: float) -> None:
        with self.lock:
            if name not in self._members:
                raise NotFound(f"member {name}")
            self._weights[name] = weight

    def forget_member(self, name: str) -> None:
        with self.lock:
            self._members.pop(name, None)

    def strays(self) -> Sequence[Stray]:
        with self.lock:
            return tuple(stray for _, stray in sorted(self._strays.items()))

    def note_strays(self, fence: Term, seen: Sequence[Stray], gone: Sequence[str]) -> None:
        with self.lock:
            newest, _ = self._terms.get(fence.role, (Term(fence.role, 0), None))
            if newest != fence:
                raise Superseded(f"term {fence.number} of {fence.role} is over: it is {newest.number} now")
            self._strays.update({stray.server_id: stray for stray in seen})
            for server_id in gone:
                self._strays.pop(server_id, None)

    def quarantines(self) -> Sequence[Quarantine]:
        with self.lock:
            return tuple(entry for _, entry in sorted(self._quarantines.items()))

    def quarantine(self, entry: Quarantine) -> None:
        with self.lock:
            self._quarantines[entry.key] = entry

    def release(self, key: DomainKey) -> None:
        with self.lock:
            self._quarantines.pop(key, None)

    def flags(self) -> Mapping[str, Json]:
        with self.lock:
            return {name: codec.decode(blob, object) for name, blob in self._flags.items()}

    def set_flag(self, name: str, value: Json) -> None:
        with self.lock:
            self._flags[name] = codec.encode(value)
