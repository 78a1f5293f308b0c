"""One member without a domain: its place in the group, its name and its roles, by the loops of a real replica.

    python -m tests.functional.membership_child URL MEMBER SESSION [hang]

It tells on stdout, a line of JSON each, whenever something of it has changed: {"leads": [...], "present": [...]}.
What it reads on stdin: `assign`: write an assignment with the last seat that it had, whatever it believes now,
and tell what came of it: {"wrote": ...}. With `hang` its keeper does once what it has to, and then hangs.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.membership.name import MemberName, NamedGroup
from elastic.adapters.membership.tooz import ToozGroup
from elastic.adapters.membership.tooz_zookeeper import ZookeeperDriver
from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.errors import ElasticError, StoreUnavailable
from elastic.model.assignment import Assignment, Seat
from elastic.replica.living import Living
from elastic.roles.leadership import Leadership
from elastic.roles.moment import Moment


class Member:
    """Steps like an agent's; see `elastic/agent.py`."""

    def __init__(self, store: ZookeeperStore, url: str, name: str, session: float, hangs: bool) -> None:
        driver = partial(ZookeeperDriver, url, "elastic")
        group = ToozGroup(url, "members", name, {}, SYSTEM_CLOCK, session, connect=driver)
        held = MemberName(store.session, name, SYSTEM_CLOCK, session)
        self.group = NamedGroup(group, held)
        self._store, self._hangs = store, hangs
        self.leadership = Leadership(
            ZookeeperElection(store.session, name), store, name, session, partial(Moment.of, SYSTEM_CLOCK)
        )
        self._told = ""
        self._seat: Seat | None = None

    def join(self) -> None:
        self.group.join()

    def keep(self) -> None:
        try:
            self.leadership.contend()
        except StoreUnavailable:
            self.leadership.forget_seats()
        self._seat = self.leadership.seat("decider") or self._seat
        self.tell()
        try:
            self.group.beat()
            self.tell(sorted(self.group.present()))
        except StoreUnavailable:
            self.tell(None)
        while self._hangs:
            time.sleep(1)

    def tell(self, present: list[str] | None = None) -> None:
        line = json.dumps({"leads": sorted(self.leadership.leads()), "present": present})
        if line != self._told:
            self._told = line
            say(line)

    def assign(self) -> None:
        """As a leader that was stopped would, that has not looked at anything since."""
        assert self._seat is not None
        try:
            term = self._store.raise_term(self._seat)
            serial = self._store.assignment().serial + 1
            table = Assignment(
                term=term.number, serial=serial, holders=(self._seat.member,) * 4, since=(serial,) * 4
            )
            self._store.assign(self._seat, table)
            outcome = "done"
        except ElasticError as refusal:
            outcome = type(refusal).__name__
        say(json.dumps({"wrote": outcome}))

    def turn(self) -> float:
        return 1.0

    def set_wake(self, wake: Callable[[], None]) -> None: ...

    def set_keeper_wake(self, wake: Callable[[], None]) -> None:
        self.leadership.set_wake(wake)

    def set_progress(self, tell: Callable[[], None]) -> None: ...

    won_at = None

    def in_ring(self) -> bool:
        return True

    def leads(self) -> frozenset[str]:
        return self.leadership.leads()

    def give_up(self, role: str) -> None:
        self.leadership.give_up(role)

    def stop(self) -> None:
        self.leadership.resign_all()
        self.group.leave()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    url, name, session = sys.argv[1], sys.argv[2], float(sys.argv[3])
    store = ZookeeperStore.at(StorePlace(url, 4, "elastic", session))
    member = Member(store, url, name, session, "hang" in sys.argv[4:])
    living = Living(member, session, lambda: None, lambda _: None)
    living.start()

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == "assign":
                member.assign()
        os._exit(0)  # whoever started us is gone

    threading.Thread(target=listen, daemon=True).start()
    while True:
        living.look()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
