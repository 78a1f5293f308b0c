"""What is known of an instance beyond its record when its next step is decided, and how patient to be.

All times here are monotonic seconds of this process.
"""

from collections.abc import Mapping

import msgspec

from elastic.model.domain import Json
from elastic.model.parts import Part
from elastic.model.recipe import Recipe
from elastic.model.server import Server
from elastic.model.states import InstanceState


class Look(msgspec.Struct, frozen=True):
    """A listing by the instance's mark, begun at `begun` while its record had `version`."""

    begun: float
    version: int
    servers: tuple[Server, ...] = ()


class Prepared(msgspec.Struct, frozen=True):
    """What its deployable type says, and the parts that are there for it. Null: the cloud has no use for types."""

    recipe: Recipe | None = None
    variables: Mapping[str, Json] = {}
    parts: tuple[Part, ...] = ()

    @property
    def is_mute(self) -> bool:
        return self.recipe is not None and self.recipe.contextualization == "none"


class Dossier(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What this process knows of an instance beyond its record; lost, harmlessly, when the process dies."""

    since: float = 0.0  # first saw the record in its present state
    attempt_since: float = 0.0  # first saw its present attempt, or learnt how our own call for it ended
    prepared: Prepared | None = None
    unready: str = ""  # what of that the cloud has not ready yet, as it says
    released: frozenset[str] = frozenset()  # ids of parts that are gone
    in_use: frozenset[str] = frozenset()  # ids of parts that the cloud would not let go, as a server has them
    shared_stays: bool = True  # its domain lives, and with it what its instances share
    look: Look | None = None
    console: str | None = None  # what it said when it came up wrong; null: not asked yet
    made: Server | None = None  # what our own create returned
    told: Server | None = None  # the newest word of the cloud about the recorded server
    told_at: float = 0.0  # when we last began to ask for that server itself: no word is younger than its question
    listening_since: float = 0.0  # when we could last have missed its first heartbeat
    refused: tuple[InstanceState, str] | None = None  # our create was refused: FAILED or REJECTED, and why
    not_sent: bool = False  # our create never went out
    absent: bool = False  # a listing did not show the recorded server
    missed_at: float | None = None  # first 404 for the recorded server
    gone: bool = False  # 404 twice, or DELETED
    deleted_at: float | None = None  # when a delete was last asked for
    under_way: bool = False  # a call for this instance has not returned yet
    wait_until: float = 0.0  # backoff after a call that the cloud did not answer


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """All in seconds. `turn`: between two surveys of the cloud; `redelete`: before a delete is repeated;
    `poll`: between two looks at what is being deleted."""

    settle: float
    boot_timeout: float
    turn: float
    redelete: float = 5.0
    poll: float = 1.0
