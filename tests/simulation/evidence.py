"""What a story is judged by: the cloud's journal, what clients were told, and what is seen from outside."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from elastic.adapters.cloud.furnished import PartEntry
from elastic.adapters.cloud.weather import Entry, Happened
from tests.simulation.labour import Labour
from tests.simulation.ledger import Ledger
from tests.simulation.partings import Parting
from tests.simulation.server import Written
from tests.simulation.story import Story
from tests.simulation.world import Held, Look

ENDED = (Happened.GONE, Happened.VANISHED)


@dataclass(frozen=True)
class Evidence:
    journal: Sequence[Entry]
    ledger: Ledger
    log: Sequence[Written]
    looks: Sequence[Look]
    live: Counter[str]
    is_slow: bool
    clocks_stepped: bool
    peace_at: float
    ended_at: float
    faults: Sequence[str]
    ailments: Sequence[str]
    absent: Sequence[str]
    ill: Sequence[str]
    parts: Sequence[Held] = ()
    parts_journal: Sequence[PartEntry] = ()
    calm_at: float = float("inf")
    unsettled: Sequence[str] = ()
    partings: Mapping[str, Parting] = field(default_factory=dict)
    draining: Collection[str] = ()
    writes: Mapping[tuple[str, int], int] = field(default_factory=dict)
    labours: Mapping[str, Labour] = field(default_factory=dict)

    @classmethod
    def of(cls, story: Story) -> "Evidence":
        world = story.world
        replicas = world.replicas.values()
        return cls(
            journal=world.cloud.journal,
            ledger=story.ledger,
            log=world.server.log,
            looks=world.looks,
            live=Counter(str(server.mark.key) for server in world.ours()),
            is_slow=story.setting.is_slow,
            clocks_stepped=world.clocks_stepped,
            peace_at=story.peace_at,
            ended_at=world.kernel.now,
            faults=world.faults,
            ailments=[f"{r.name}: {text}" for r in replicas for text in r.ailments()],
            absent=[r.name for r in replicas if not r.process.is_up],
            ill=world.ill(),
            parts=world.held(),
            parts_journal=world.parts_journal(),
            calm_at=story.calm_at,
            unsettled=story.unsettled,
            partings=world.partings.gone,
            draining=frozenset(world.partings.drains),
            writes=world.partings.writes,
            labours=world.labours,
        )

    def labours_of(self, instance_id: str) -> list[Labour]:
        return [labour for labour in self.labours.values() if labour.instance_id == instance_id]

    def is_parted(self, instance_id: str, now: float) -> bool:
        """It was to go by then, by the word of a policy."""
        parting = self.partings.get(instance_id)
        return parting is not None and parting.time <= now

    def was_up(self, instance_id: str, now: float) -> bool:
        """It had come up by then, and was not broken."""
        mine = [entry for entry in self.journal if entry.instance_id == instance_id and entry.time <= now]
        broken = (Happened.ERROR, Happened.KILLED, *ENDED)
        return any(e.what is Happened.ACTIVE for e in mine) and not any(e.what in broken for e in mine)


def is_ours(entry: Entry) -> bool:
    return entry.mark is not None and entry.mark.cluster == "world"


@dataclass(frozen=True)
class Life:
    """Of one server that was ordered."""

    server_id: str
    domain: str
    instance_id: str
    incarnation: int
    begun: float
    ended: float


def servers_lives(seen: Evidence) -> list[Life]:
    ended = {entry.server_id: entry.time for entry in seen.journal if entry.what in ENDED}
    return [
        Life(
            e.server_id,
            str(e.mark.key),
            e.instance_id,
            e.mark.incarnation,
            e.time,
            ended.get(e.server_id, float("inf")),
        )
        for e in seen.journal
        if is_ours(e) and e.what is Happened.CREATED and e.server_id not in seen.ledger.planted
    ]
