"""`elastic-agent`, but stubborn: stopped and let go on, it writes by what it believed before.

It tries its last commit to a domain again, and the assignment as the leader it was, with the fences of then. How
each ended it says in a line: `stubborn: WHAT: OUTCOME`.
"""

import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from elastic.adapters import codec
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.store.zookeeper.asks import Check, Set
from elastic.adapters.store.zookeeper.names import HEAD
from elastic.cli.agent import main
from elastic.errors import ElasticError, StoreUnavailable
from elastic.model.assignment import Assignment, Seat, Tenure
from elastic.model.view import View
from elastic.ports.store import Commit

RETRY = 0.05  # seconds


class Beliefs(ZookeeperStore):
    """The store, and the last that was written with each kind of fence."""

    committed: tuple[View, Tenure] | None = None
    assigned: tuple[Seat, Assignment] | None = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        beliefs.append(self)

    def commit(self, view: View, fence: Tenure, commit: Commit) -> View:
        written = super().commit(view, fence, commit)
        self.committed = (written, fence)
        return written

    def assign(self, seat: Seat, assignment: Assignment) -> None:
        super().assign(seat, assignment)
        self.assigned = (seat, assignment)

    def insist(self) -> None:
        """What it believes now, before it can learn anything new, it insists on."""
        if self.committed is not None:
            self._begin("commit", partial(self._commit_again, *self.committed))
            self._begin("bare commit", partial(self._write_again, *self.committed))
        if self.assigned is not None:
            self._begin("assignment", partial(self._assign_again, *self.assigned))

    def _begin(self, what: str, write: Callable[[], None]) -> None:
        threading.Thread(target=self._insist, args=(what, write), daemon=True).start()

    def _insist(self, what: str, write: Callable[[], None]) -> None:
        """Until the store has heard it."""
        outcome = ""
        while not outcome:
            try:
                write()
                outcome = "accepted"
            except StoreUnavailable:
                time.sleep(RETRY)
            except ElasticError as refusal:
                outcome = type(refusal).__name__
        sys.stderr.write(f"stubborn: {what}: {outcome}\n")

    def _commit_again(self, view: View, fence: Tenure) -> None:
        super().commit(view, fence, Commit(id=uuid.uuid4().hex, standing=view.standing))

    def _write_again(self, view: View, fence: Tenure) -> None:
        """The same, without the looks that it may take before: the fence alone can refuse it."""
        path = f"{self._look(view.key).path}/{HEAD}"
        found = self.session.get(path)
        assert found is not None
        self.session.transact([Check(self._tree.assignment, fence.serial), Set(path, found.data, found.version)])

    def _assign_again(self, seat: Seat, table: Assignment) -> None:
        """The leader's transaction, without the looks that it takes before."""
        path = self.session.at("assignment")
        found = self.session.get(path)
        assert found is not None
        self.session.transact([Check(seat.token, 0), Set(path, codec.encode(table), found.version)])


beliefs: list[Beliefs] = []


def go_on(_number: int, _frame: FrameType | None) -> None:
    for held in beliefs:
        held.insist()


if __name__ == "__main__":
    from elastic.adapters.store import zookeeper

    zookeeper.ZookeeperStore = Beliefs
    signal.signal(signal.SIGCONT, go_on)
    main()
