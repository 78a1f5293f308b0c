"""A fixed run of store operations, one of each kind, that a client or a replica would make again after a crash."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from elastic.errors import Answered, Conflict, NotFound, Stale
from elastic.model.assignment import Assignment, Member, Seat, Term
from elastic.model.decision import Decision, Event
from elastic.model.domain import DomainKey
from elastic.model.states import InstanceState
from elastic.model.view import Standing
from elastic.ports.membership import Election
from elastic.ports.store import Change, Commit, Quarantine, Request, Store, Stray
from tests.contract.records import domain, instance, seat_of, tenure_of

STAYS, GOES = DomainKey("ann", "stays"), DomainKey("bob", "goes")
SETTLED = (Answered, Conflict, NotFound, Stale)
"""What a repeated operation may hear of one that was done."""


class Story:
    """One telling of it. `steps` are to be made in order, each by `tell`."""

    def __init__(self, store: Store, election: Election) -> None:
        self.store = store
        self.election = election
        self.steps: tuple[Callable[[], Any], ...] = (
            self.take_seat,
            self.raise_term,
            self.assign,
            lambda: store.describe_member(Member(name="m1", pid=1)),
            lambda: store.set_weight("m1", 2.5),
            lambda: store.add_entry("definition", "web", {"v": 1}, request("k-entry")),
            lambda: store.update_entry("definition", "web", {"v": 2}, request("k-update")),
            lambda: store.add_domain(domain(STAYS), request("k-stays")),
            lambda: store.add_domain(domain(GOES), request("k-goes")),
            self.reconfigure,
            self.launch,
            self.advance,
            lambda: store.note_strays(self.term(), [stray("s1"), stray("s2")], ["s3"]),
            lambda: store.quarantine(Quarantine(key=STAYS, strikes=1, until=5.0, member="m1")),
            lambda: store.set_flag("sweep_accepted_at", 7.5),
            lambda: store.change(GOES, lambda d: replace(d, removed=True), request("k-remove")),
            self.forget,
            self.log,
            lambda: store.remove_entry("definition", "web", request("k-drop")),
            lambda: store.release(STAYS),
            lambda: store.forget_member("m1"),
            lambda: election.resign("decider"),
        )

    def tell(self, step: Callable[[], Any]) -> None:
        try:
            step()
        except SETTLED:
            return

    def take_seat(self) -> None:
        seat_of(self.election)

    def seat(self) -> Seat:
        return seat_of(self.election)

    def term(self) -> Term:
        return self.store.raise_term(self.seat())

    def raise_term(self) -> None:
        self.term()

    def assign(self) -> None:
        holders = ("m1",) * self.store.layout().partitions
        self.store.assign(
            self.seat(), Assignment(term=self.term().number, serial=1, holders=holders, since=(1,) * len(holders))
        )

    def reconfigure(self) -> None:
        self.store.change(
            STAYS,
            lambda d: replace(d, engine_conf={"preserve_n": 2}),
            request("k-change"),
            [Event(time=1, kind="reconfigured")],
        )

    def launch(self) -> None:
        commit = Commit(
            id="c-launch",
            decides=True,
            added=[instance(f"i{n}") for n in range(3)],
            standing=Standing(desired=3, next_number=4),
            decision=Decision(time=2, member="m1", term=1, reason="three short"),
            events=[Event(time=2, kind="scaled")],
        )
        self.store.commit(self.store.view(STAYS), tenure_of(self.store, STAYS), commit)

    def advance(self) -> None:
        commit = Commit(
            id="c-advance",
            added=[instance("i3")],
            changes={
                "i0": Change(lambda i: replace(i, state=InstanceState.STARTED), version=1),
                "i1": Change(lambda _: None),
            },
            events=[Event(time=3, kind="launched")],
        )
        self.store.commit(self.store.view(STAYS), tenure_of(self.store, STAYS), commit)

    def forget(self) -> None:
        self.store.forget_domain(
            self.store.view(GOES), tenure_of(self.store, GOES), [Event(time=4, kind="removed")]
        )

    def log(self) -> None:
        if all(event.kind != "leader" for event in self.store.events()):
            self.store.log([Event(time=5, kind="leader")])


def request(key: str) -> Request:
    return Request(key, {"answer": key}, keep_until=1e12)


def stray(server_id: str) -> Stray:
    return Stray(server_id=server_id, instance_id="i1", at=1.0)


def everything(store: Store) -> Mapping[str, Any]:
    """All that the port shows, but for the terms, which rise with each life of a member."""
    keys = store.all_domains()
    return {
        "layout": store.layout(),
        "assignment": replace(store.assignment(), term=0),
        "members": store.members(),
        "strays": list(store.strays()),
        "quarantines": list(store.quarantines()),
        "flags": store.flags(),
        "views": [store.view(key) for key in keys],
        "decisions": [list(store.decisions(key)) for key in keys],
        "partitions": [list(store.domains(p)) for p in range(store.layout().partitions)],
        "incarnations": [store.incarnation(p) for p in range(store.layout().partitions)],
        "entries": {(k, n): store.entry(k, n) for k in ("definition", "type") for n in store.entries(k)},
        "events": [(event.kind, event.time) for event in store.events()],
        "answered": {key: store.answered(key) for key in KEYS},
        "news": store.news(0).cursor,
    }


KEYS = ("k-entry", "k-update", "k-stays", "k-goes", "k-change", "k-remove", "k-drop")
