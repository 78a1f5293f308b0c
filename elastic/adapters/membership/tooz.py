"""The group of all replicas, by tooz. Who is there is a hint: nobody's right to write rests on it.

Each beat looks whether we are in the group, and joins again if not: tooz itself never does. The `file` driver
goes by the wall clock, so that a step of it empties the group until the next beats; and one process that is
stopped with the driver's lock in its hand blocks all others' calls: no call is waited for longer than a session.

The group's id must be used for nothing else: tooz's elections leave a member called `leader` in theirs.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any

import tooz
from tooz import coordination

from elastic.adapters.membership.alive import is_dead
from elastic.adapters.membership.sightings import Sightings
from elastic.adapters.workers import ThreadWorkers
from elastic.errors import BadRequest, StoreUnavailable
from elastic.model.names import NAME, RESERVED, checked_name
from elastic.ports.clock import Clock
from elastic.ports.membership import Presence
from elastic.ports.workers import Overrun

PHANTOM = "leader"
"""What tooz calls the lock of an election, which shows as a member of the group that it was held on."""


class ToozGroup:
    """Every method raises StoreUnavailable. `session_timeout` is in seconds; tooz goes by whole ones.

    With `run_dir`, a member whose file lock there is free is reported as proved dead.
    """

    def __init__(
        self,
        backend_url: str,
        group_name: str,
        member: str,
        capabilities: Mapping[str, Any],
        clock: Clock,
        session_timeout: float,
        run_dir: str | Path | None = None,
    ) -> None:
        self._backend_url = backend_url
        self._group = group_name.encode()
        self._member = _checked_member(member)
        self._capabilities = dict(capabilities)
        self._session_timeout = session_timeout
        self._run_dir = run_dir
        self._sightings = Sightings(clock)
        self._workers = ThreadWorkers()
        self._is_stuck: Callable[[], bool] = lambda: False
        self._coordinator: Any = None
        self._is_joined = False
        self._is_in = False  # by this very coordinator

    def join(self) -> None:
        self._is_joined = True
        self._bounded(self._heal)

    def leave(self) -> None:
        self._is_joined = False
        self._bounded(self._stop)
        self._workers.close()

    def beat(self) -> None:
        """Does nothing after `leave`: who has left stays away."""
        if self._is_joined:
            self._bounded(self._heal)

    def present(self) -> Mapping[str, Presence]:
        return self._sightings.of(self._bounded(self._members), self._is_dead)

    def _heal(self) -> None:
        if self._coordinator is None:
            self._coordinator, self._is_in = self._started(), False
        try:
            self._coordinator.heartbeat()
            if not self._is_in or not self._is_listed():
                self._join_anew()
        except coordination.ToozConnectionError:
            with suppress(tooz.ToozError):
                self._stop()  # the next beat begins another session
            raise

    def _started(self) -> Any:
        coordinator = coordination.get_coordinator(
            self._backend_url,
            self._member.encode(),
            timeout=ceil(self._session_timeout),
            executor="synchronous",  # on our own thread: tooz's would take a second to stop
        )
        coordinator.start()
        return coordinator

    def _is_listed(self) -> bool:
        try:
            return self._member in self._members()
        except coordination.GroupNotCreated:
            return False

    def _join_anew(self) -> None:
        """What an earlier life of ours left behind is taken out first: a coordinator keeps no member alive
        that it has not put in itself."""
        self._is_in = False
        with suppress(coordination.GroupAlreadyExist):
            self._coordinator.create_group(self._group).get()
        with suppress(coordination.MemberNotJoined):
            self._coordinator.leave_group(self._group).get()
        self._coordinator.join_group(self._group, self._capabilities).get()
        self._is_in = True

    def _members(self) -> set[str]:
        if self._coordinator is None:
            raise tooz.ToozError("not connected")
        found = self._coordinator.get_members(self._group).get()
        names = {name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in found}
        return {name for name in names if _is_member(name)}

    def _stop(self) -> None:
        if self._coordinator is not None:
            coordinator, self._coordinator = self._coordinator, None
            coordinator.stop()  # leaves the group

    def _bounded(self, call: Callable[[], Any]) -> Any:
        """Wait for `call` no longer than a session; while one hangs, no other is begun."""
        if self._is_stuck():
            raise StoreUnavailable("the group does not answer")
        try:
            return self._workers.run(call, self._session_timeout)
        except Overrun as overrun:
            self._is_stuck = overrun.still_running
            raise StoreUnavailable("the group does not answer") from overrun
        except (tooz.ToozError, OSError) as error:
            raise StoreUnavailable(f"group: {error}") from error

    def _is_dead(self, member: str) -> bool:
        return self._run_dir is not None and is_dead(self._run_dir, member)


def _checked_member(name: str) -> str:
    if name == PHANTOM:
        raise BadRequest(f"a member cannot be called {PHANTOM}: tooz uses that name")
    return checked_name(name, "member")


def _is_member(name: str) -> bool:
    return bool(NAME.fullmatch(name)) and name not in RESERVED | {PHANTOM}
