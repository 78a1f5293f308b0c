"""The group of all replicas, by tooz. Who is there is a hint: nobody's right to write rests on it.

Each beat looks whether we are in the group, and joins again if not: tooz itself never does. The `file` driver
goes by the wall clock, so that a step of it empties the group until the next beats; and one process that is
stopped with the driver's lock in its hand blocks all others' calls: no call is waited for longer than a session.

The group's id must be used for nothing else: tooz's elections leave a member called `leader` in theirs. Its heart
is not used either: it would go on beating for a loop that hangs.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
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
from elastic.ports.membership import Capability, Presence
from elastic.ports.workers import Overrun

LEAVING = 1.0  # seconds

Connect = Callable[[bytes, float], Any]

PHANTOM = "leader"
"""What tooz calls the lock of an election, which shows as a member of the group that it was held on."""


class ToozGroup:
    """Every method raises StoreUnavailable, `leave` within two seconds, the others within a session.

    `session_timeout` is in seconds. With `run_dir`, a member whose file lock there is free is reported as proved
    dead. `connect` makes tooz's driver of a member's id and a session's length; without it tooz does, by the URL.
    """

    def __init__(
        self,
        backend_url: str,
        group_name: str,
        member: str,
        capabilities: Mapping[str, Capability],
        clock: Clock,
        session_timeout: float,
        run_dir: str | Path | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._connect = connect or partial(_by_url, backend_url)
        self._group = group_name.encode()
        self._member = _checked_member(member)
        self._capabilities = dict(capabilities)
        self._session_timeout = session_timeout
        self._run_dir = run_dir
        self._sightings = Sightings(clock)
        self._workers = ThreadWorkers()
        self._is_stuck: Callable[[], bool] = lambda: False
        self._opened: Any = None  # the latest coordinator, whatever it is at
        self._coordinator: Any = None  # one that has started
        self._is_joined = False
        self._is_in = False  # by this very coordinator
        self._said: Mapping[str, Capability] = {}  # what the others see beside our name

    def join(self) -> None:
        self._is_joined = True
        self._bounded(self._heal)

    def leave(self) -> None:
        """What hangs is left to its thread, and ends with it."""
        self._is_joined = False
        try:
            self._bounded(self._stop, min(LEAVING, self._session_timeout))
        finally:
            _abandon(self._opened)
            self._workers.close()

    def beat(self) -> None:
        """Does nothing after `leave`: who has left stays away."""
        if self._is_joined:
            self._bounded(self._heal)

    def tell(self, capabilities: Mapping[str, Capability]) -> None:
        self._capabilities = {**self._capabilities, **capabilities}

    def present(self) -> Mapping[str, Presence]:
        return self._sightings.of(self._bounded(self._members), self._is_dead)

    def _heal(self) -> None:
        if self._coordinator is not None and getattr(self._coordinator, "has_ended", False):
            self._drop()
        if self._coordinator is None:
            self._coordinator, self._is_in = self._started(), False
        try:
            self._coordinator.heartbeat()
            if not self._is_in or not self._is_listed():
                self._join_anew()
            elif self._said != self._capabilities:
                self._say()
        except coordination.ToozConnectionError:
            self._drop()  # the next beat begins another session
            raise

    def _started(self) -> Any:
        self._opened = coordinator = self._connect(self._member.encode(), self._session_timeout)
        coordinator.start()
        if not self._is_joined:
            _abandon(coordinator)
            raise tooz.ToozError("we have left")
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
        said = self._capabilities
        self._coordinator.join_group(self._group, dict(said)).get()
        self._is_in, self._said = True, said

    def _say(self) -> None:
        """To the `file` driver one can say it only when one joins."""
        said = self._capabilities
        try:
            self._coordinator.update_capabilities(self._group, dict(said)).get()
        except tooz.NotImplemented:
            self._join_anew()
        self._said = said

    def _members(self) -> set[str]:
        if self._coordinator is None:
            raise tooz.ToozError("not connected")
        found = self._coordinator.get_members(self._group).get()
        names = {name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in found}
        return {name for name in names if _is_member(name)}

    def _drop(self) -> None:
        with suppress(tooz.ToozError):
            self._stop()

    def _stop(self) -> None:
        if self._coordinator is not None:
            coordinator, self._coordinator = self._coordinator, None
            coordinator.stop()  # leaves the group

    def _bounded(self, call: Callable[[], Any], seconds: float | None = None) -> Any:
        """Wait for `call` no longer than a session; while one hangs, no other is begun."""
        if self._is_stuck():
            raise StoreUnavailable("the group does not answer")
        try:
            return self._workers.run(call, self._session_timeout if seconds is None else seconds)
        except Overrun as overrun:
            self._is_stuck = overrun.still_running
            raise StoreUnavailable("the group does not answer") from overrun
        except (tooz.ToozError, OSError) as error:
            raise StoreUnavailable(f"group: {error}") from error

    def _is_dead(self, member: str) -> bool:
        return self._run_dir is not None and is_dead(self._run_dir, member)


def _by_url(backend_url: str, member: bytes, session_timeout: float) -> Any:
    return coordination.get_coordinator(
        backend_url,
        member,
        timeout=ceil(session_timeout),  # tooz goes by whole seconds
        executor="synchronous",  # on our own thread: tooz's would take a second to stop
    )


def _abandon(coordinator: Any) -> None:
    """It shall try no longer, whatever it is at. tooz's own drivers cannot be told."""
    if hasattr(coordinator, "abandon"):
        coordinator.abandon()


def _checked_member(name: str) -> str:
    if name == PHANTOM:
        raise BadRequest(f"a member cannot be called {PHANTOM}: tooz uses that name")
    return checked_name(name, "member")


def _is_member(name: str) -> bool:
    return bool(NAME.fullmatch(name)) and name not in RESERVED | {PHANTOM}
