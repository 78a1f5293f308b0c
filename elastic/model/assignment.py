"""Who is there, who leads, and which member looks after which partition."""

from collections.abc import Mapping

import msgspec

SLOTS = 4096
ROLES = ("decider", "doctor", "reaper")


class Layout(msgspec.Struct, frozen=True):
    """Minted once, when the store is made. `format` is that of every value in it."""

    uid: str
    partitions: int
    format: int = 1


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica says of itself, written when it changes. `able` of an unnamed thing is true.

    `formats` is the newest store format it reads. `loop_age` is in seconds, as of `told` (wall).
    """

    name: str
    host: str = ""
    pid: int = 0
    weight: float = 1.0
    able: Mapping[str, bool] = {}
    formats: int = 1
    loop_age: Mapping[str, float] = {}
    told: float = 0.0

    @property
    def is_able(self) -> bool:
        return all(self.able.values())


class Seat(msgspec.Struct, frozen=True):
    """A role's lock as one member holds it. `token` names this very holding: another holding has another.

    ZooKeeper: the path of the lock node. SQLite and memory: the lease's epoch.
    """

    role: str
    member: str
    token: str


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`holders[p]` is the member that looks after partition p, "" if nobody does.

    `serial` rises with every write, `term` with every leader; `since[p]` is the serial with which the
    holder got p: the same holder with the same `since` has held it without a gap.
    """

    term: int = 0
    serial: int = 0
    holders: tuple[str, ...] = ()
    since: tuple[int, ...] = ()

    def partitions_of(self, member: str) -> frozenset[int]:
        return frozenset(p for p, holder in enumerate(self.holders) if holder == member)

    def tenure(self, partition: int, member: str) -> "Tenure | None":
        if partition >= len(self.holders) or self.holders[partition] != member:
            return None
        return Tenure(partition, member, self.since[partition], self.serial)


class Tenure(msgspec.Struct, frozen=True):
    """The fence of per-domain writes: the store refuses them unless the assignment's serial is still this."""

    partition: int
    member: str
    since: int
    serial: int


class Term(msgspec.Struct, frozen=True):
    """The fence of a leader's own duties: the store refuses them once a newer term of the role exists."""

    role: str
    number: int
