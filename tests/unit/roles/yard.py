"""What the sweep is tried on: a cloud, a store, and a leader whose turns are made by hand."""

from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.membership.memory import MemoryElection
from elastic.model.assignment import Term
from elastic.model.view import Standing
from elastic.roles.sweep import Sweep
from tests.unit.roles.setting import WEB, Setting, server
from tests.unit.rules.views import record

INTERVAL, GRACE = 10.0, 25.0  # the third sighting is the second that counts
ONE, OLD, NEW = "i-001-1-1", "i-001-1-2", "i-001-1-9"


class Watcher:
    """In front of the cloud and the store: what was asked of them, in order."""

    def __init__(self, inner: object, story: list[str], *names: str) -> None:
        self.inner, self.story, self.names = inner, story, names

    def __getattr__(self, name: str):
        if name in self.names:
            self.story.append(name)
        return getattr(self.inner, name)


class Yard:
    """Domain web, of incarnation 1 with eight numbers given out, and one record with its server."""

    def __init__(self, cloud: type[SimulatedCloud] = SimulatedCloud) -> None:
        self.here = here = Setting()
        here.cloud = cloud(here.clock, site_names=("north",))
        here.add("web", record(ONE, server_id="s-1"))
        here.write(WEB, standing=Standing(next_number=9))
        self.own = self.plant(ONE)
        assert self.own == "s-1"
        self.story: list[str] = []
        self.term: Term | None = self.contended("me")
        self.sweep = self.swept_by(Watcher(here.store, self.story, "views", "incarnation"))

    def swept_by(self, store: object) -> Sweep:
        cloud = Watcher(self.here.cloud, self.story, "servers", "delete")
        return Sweep(store, cloud, self.here.workers, INTERVAL, GRACE, 7.0, lambda: self.here.now)

    def contended(self, member: str) -> Term:
        seat = MemoryElection(self.here.store, member, self.here.clock, 1e9, lambda _: True).contend("reaper")
        assert seat is not None
        return self.here.store.raise_term(seat)

    def plant(self, name: str, site: str = "north", **mark: object) -> str:
        return self.here.cloud.plant(site, server(name, **mark).mark)

    def turn(self, seconds: float = INTERVAL) -> None:
        self.here.clock.advance(seconds)
        self.sweep.turn(self.term)
        self.collect()

    def collect(self) -> None:
        while self.here.workers.collect():
            pass

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.turn()

    @property
    def there(self) -> set[str]:
        return {s.server_id for s in self.here.cloud.live_servers()}

    def noted(self) -> set[str]:
        return {s.server_id for s in self.here.store.strays()}
