"""An instance: the record of one virtual machine we wish for, from wish to grave."""

from collections.abc import Mapping
from sys import intern

import msgspec
from msgspec.structs import force_setattr

from elastic.model.domain import Json
from elastic.model.parts import Part
from elastic.model.states import Health, InstanceState

WORDS = ("site", "deployable_type", "allocation", "reason")
"""Fields that are the same in most records."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A create was, or is about to be, sent to the cloud for this instance.

    `n` counts those that went out, this one included; `at` is wall time, for people. `open` until its outcome is
    known for certain.
    """

    n: int
    at: float
    open: bool = True


class Instance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Times are wall-clock seconds since the epoch and for people to read: no deadline rests on them alone.

    `version` rises by one with every write of this record; the store keeps it. (No cycle goes through a frozen
    record, and a member holds ten thousands of them: the collector need not look at them.)
    """

    instance_id: str
    site: str
    deployable_type: str
    allocation: str | None = None
    extravars: Mapping[str, Json] = {}
    state: InstanceState = InstanceState.REQUESTING
    state_time: float = 0.0
    reason: str = ""
    health: Health = Health.UNKNOWN
    health_time: float = 0.0
    given_up: float = 0.0  # when it was pronounced MISSING, of one that was terminated for it
    errors: tuple[str, ...] = ()
    attempt: Attempt | None = None
    server_id: str | None = None  # written once, by compare-and-set, never overwritten
    public_ip: str | None = None
    private_ip: str | None = None
    ipv6: str | None = None
    hostname: str | None = None
    parts: tuple[Part, ...] = ()  # made for its server beside it, and recorded before that
    mute: bool = False  # its type says that nothing inside speaks to us
    went_wrong: bool = False  # it failed, or its server did: what it said last is worth keeping
    console: str = ""  # the end of that
    leftover: bool = False  # it failed or disappeared; its server or parts of it are still to be deleted
    announced: str = ""  # what subscribers were last told
    version: int = 0

    def __post_init__(self) -> None:
        """Each word is kept once, however many records say it: a member holds ten thousands of them."""
        for name in WORDS:
            word = getattr(self, name)
            if type(word) is str:
                force_setattr(self, name, intern(word))

    @property
    def is_unhealthy(self) -> bool:
        """Not over, and to be replaced."""
        ill = self.state is InstanceState.RUNNING_FAILED or self.health.is_ill
        return ill and not self.state.is_over

    @property
    def is_valid(self) -> bool:
        """Serves, or soon will."""
        return not self.state.is_over and not self.is_unhealthy
