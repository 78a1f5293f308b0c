"""How each kind of trouble befalls the world. One method a kind; what ends by itself plans its end."""

from collections.abc import Callable
from functools import partial

from elastic.adapters.cloud.weather import Happened
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Server
from elastic.ports.bus import Reply
from tests.scenario.world import IMPATIENT
from tests.simulation.bus import Manners
from tests.simulation.ledger import Ledger, Mute
from tests.simulation.process import Fuse
from tests.simulation.replica import Replica
from tests.simulation.schedule import Trouble
from tests.simulation.vm import Vm
from tests.simulation.world import SITE, World

NO_ANSWER = ("unavailable", "too_late")  # the latter by the clock of who says so: another may have done it
CALL_LIFE = 8.0  # seconds in which an unanswered call may still be acted upon


class Troubles:
    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger = world, ledger
        self.clocks_stepped = False
        self._undo: list[Callable[[], None]] = []

    def befall(self, trouble: Trouble) -> None:
        getattr(self, trouble.kind)(trouble)

    def make_peace(self) -> None:
        """All that would end by itself ends now, and whoever is dead comes back."""
        for end in tuple(self._undo):
            end()
        for name, replica in tuple(self.world.replicas.items()):
            replica.process.fuse = replica.bus.on_mutation = None
            replica.process.thaw()
            self.world.restart(name)
        self.world.say("peace")

    def _for_a_while(self, seconds: float, undo: Callable[[], None]) -> None:
        def end() -> None:
            if end in self._undo:
                self._undo.remove(end)
                undo()

        self._undo.append(end)
        self.world.kernel.at(seconds, end)

    def _replica(self, trouble: Trouble) -> Replica | None:
        replica = self.world.replicas[trouble.who]
        return replica if replica.process.is_up else None

    def _server(self, trouble: Trouble) -> Server | None:
        ours = sorted(self.world.ours(), key=lambda s: s.server_id)
        return ours[int(trouble.pick * len(ours)) % len(ours)] if ours else None

    def _vm(self, trouble: Trouble) -> Vm | None:
        vms = sorted(self.world.vms.values(), key=lambda v: v.server_id)
        return vms[int(trouble.pick * len(vms)) % len(vms)] if vms else None

    def _harm(self, instance_id: str, key: DomainKey, what: str) -> None:
        self.world.say(f"{instance_id} of {key} {what}")
        self.ledger.harmed.setdefault(instance_id, self.world.kernel.now)

    # members

    def kill(self, trouble: Trouble) -> None:
        if replica := self._replica(trouble):
            self.world.say(f"{trouble.who} is killed")
            replica.process.die()
            self._come_back(trouble)

    def _come_back(self, trouble: Trouble) -> None:
        self._for_a_while(trouble.seconds, partial(self.world.restart, trouble.who))

    def die_at_a_step(self, trouble: Trouble) -> None:
        if replica := self._replica(trouble):
            when = "after" if trouble.flag else "before"
            self.world.say(f"{trouble.who} is to die {when} its step number {trouble.number} from now")

            def die() -> None:
                self.world.say(f"{trouble.who} dies, {when} that step")
                replica.process.die()
                self._come_back(trouble)

            replica.process.fuse = Fuse(trouble.number, trouble.flag, die)

    def freeze(self, trouble: Trouble) -> None:
        if replica := self._replica(trouble):
            self.world.say(f"{trouble.who} stands still for {trouble.seconds} s")
            replica.process.freeze()
            self._for_a_while(trouble.seconds, partial(self._thaw, replica))

    def _thaw(self, replica: Replica) -> None:
        self.world.say(f"{replica.name} goes on")
        replica.process.thaw()

    def freeze_at_a_step(self, trouble: Trouble) -> None:
        if replica := self._replica(trouble):
            when = "after" if trouble.flag else "before"
            self.world.say(f"{trouble.who} is to stand still {when} its step number {trouble.number} from now")

            def freeze() -> None:
                self.world.say(f"{trouble.who} stands still, {when} that step, for {trouble.seconds} s")
                replica.process.freeze()
                self._for_a_while(trouble.seconds, partial(self._thaw, replica))

            replica.process.fuse = Fuse(trouble.number, trouble.flag, freeze)

    def retire(self, trouble: Trouble) -> None:
        if (replica := self._replica(trouble)) and len(self.world.up()) > 1:
            self.world.say(f"{trouble.who} is asked to stop")
            replica.retire()

    def clock(self, trouble: Trouble) -> None:
        self.world.say(f"the clock of {trouble.who} jumps by {trouble.number} s")
        self.clocks_stepped = True
        self.world.clocks[trouble.who].ahead += trouble.number

    # lines

    def lose_store(self, trouble: Trouble) -> None:
        if replica := self._replica(trouble):
            self._lose(replica, "store", trouble, replica.store.line.cut, replica.store.line.heal)

    def lose_store_at_a_step(self, trouble: Trouble) -> None:
        """What it wrote is there, and nobody has heard so; or it never came there."""
        if replica := self._replica(trouble):
            when = "after" if trouble.flag else "before"
            self.world.say(f"{trouble.who} is to lose the store {when} its step number {trouble.number} from now")
            lose = partial(self._lose, replica, "store", trouble, replica.store.line.cut, replica.store.line.heal)
            replica.process.fuse = Fuse(trouble.number, trouble.flag, lose)

    def lose_bus_in_a_call(self, trouble: Trouble) -> None:
        """What a client wants is done, or half so, and then handed to another."""
        if replica := self._replica(trouble):
            self.world.say(f"{trouble.who} is to lose the bus in its next call that changes something")
            line = replica.bus.line
            replica.bus.on_mutation = partial(self._lose, replica, "bus", trouble, line.cut, line.heal)

    def lose_bus(self, trouble: Trouble) -> None:
        if replica := self._replica(trouble):
            self._lose(replica, "bus", trouble, replica.bus.line.cut, partial(self._heal_bus, replica))

    def _heal_bus(self, replica: Replica) -> None:
        if not self.world.bus.is_down:
            replica.bus.line.heal()

    def lose_cloud(self, trouble: Trouble) -> None:
        if replica := self._replica(trouble):
            self._lose(replica, "cloud", trouble, replica.cloud.line.cut, replica.cloud.line.heal)

    def _lose(
        self,
        replica: Replica,
        what: str,
        trouble: Trouble,
        cut: Callable[[bool], None],
        heal: Callable[[], None],
    ) -> None:
        silently = " and does not know" if trouble.flag else ""
        self.world.say(f"{replica.name} loses the {what} for {trouble.seconds} s{silently}")
        cut(trouble.flag)
        self._for_a_while(trouble.seconds, heal)

    def lag(self, trouble: Trouble) -> None:
        self.world.say(f"what {trouble.who} reads may be {trouble.seconds} s old")
        self.world.replicas[trouble.who].store.lag = trouble.seconds

    # servers

    def store_down(self, trouble: Trouble) -> None:
        world = self.world
        if world.server.is_down:
            return
        world.say(f"the store is down for {trouble.seconds} s")
        world.server.is_down = True
        for replica in world.replicas.values():
            replica.store.line.cut()

        def come_up() -> None:
            world.say("the store is up")
            world.server.is_down = False
            for replica in world.replicas.values():
                replica.store.line.heal(world.chance.uniform(0.05, 1.0))

        self._for_a_while(trouble.seconds, come_up)

    def store_slow(self, trouble: Trouble) -> None:
        self.world.say(f"the store is slow for {trouble.seconds} s")
        self.world.server.slowness = 0.4
        self._for_a_while(trouble.seconds, partial(setattr, self.world.server, "slowness", 0.0))

    def bus_down(self, trouble: Trouble) -> None:
        if not self.world.bus.is_down:
            self.world.say(f"the bus is down for {trouble.seconds} s")
            self.world.bus.go_down()
            self._for_a_while(trouble.seconds, self.world.bus.come_up)

    def bus_rude(self, trouble: Trouble) -> None:
        self.world.say(f"the bus loses, doubles and delays for {trouble.seconds} s")
        self.world.bus.manners = Manners(loss=0.1, double=0.1, delay=(0.0, 1.5))
        self._for_a_while(trouble.seconds, partial(setattr, self.world.bus, "manners", Manners()))

    def cloud_down(self, trouble: Trouble) -> None:
        self.world.say(f"the cloud does not answer for {trouble.seconds} s")
        self.world.cloud.outage(SITE, True)
        self._for_a_while(trouble.seconds, partial(self.world.cloud.outage, SITE, False))

    def cloud_slow(self, trouble: Trouble) -> None:
        road, usual = self.world.road, (self.world.road.there, self.world.road.back)
        self.world.say(f"the cloud answers late for {trouble.seconds} s")
        road.there, road.back = (0.1, 1.2), (0.1, 1.5)

        def hurry() -> None:
            road.there, road.back = usual

        if usual[1] != road.back:
            self._for_a_while(trouble.seconds, hurry)

    def quota(self, trouble: Trouble) -> None:
        self.world.say(f"the cloud has room for {trouble.number} servers, for {trouble.seconds} s")
        self.world.cloud.quota = trouble.number
        self._for_a_while(trouble.seconds, partial(setattr, self.world.cloud, "quota", None))

    def engine_hangs(self, trouble: Trouble) -> None:
        mood = self.world.mood
        self.world.say(f"engines hang for {trouble.seconds} s")
        mood.lingers, mood.hangs_until = True, self.world.kernel.now + trouble.seconds
        self._for_a_while(trouble.seconds, partial(setattr, mood, "lingers", False))

    def engine_raises(self, trouble: Trouble) -> None:
        self.world.say(f"engines raise for {trouble.seconds} s")
        self.world.mood.raises = True
        self._for_a_while(trouble.seconds, partial(setattr, self.world.mood, "raises", False))

    # VMs

    def silence(self, trouble: Trouble) -> None:
        if vm := self._vm(trouble):
            vm.is_silent = True
            self._harm(vm.instance_id, vm.key, "falls silent")

    def sicken(self, trouble: Trouble) -> None:
        if vm := self._vm(trouble):
            vm.state, vm.error = "PROCESS_ERROR", "it broke"
            self._harm(vm.instance_id, vm.key, "reports a failed process")

    def break_guest(self, trouble: Trouble) -> None:
        if server := self._server(trouble):
            self._harm(server.mark.instance_id, server.mark.key, "is in ERROR")
            self.world.cloud.kill(server.server_id)

    def vanish(self, trouble: Trouble) -> None:
        if server := self._server(trouble):
            self._harm(server.mark.instance_id, server.mark.key, "loses its server to a stranger")
            self.world.cloud.vanish(server.server_id)

    def mute(self, trouble: Trouble) -> None:
        """Of one domain, or of all."""
        muted = [vm for vm in self.world.vms.values() if trouble.who in ("", str(vm.key))]
        if not muted:
            return
        self.world.say(f"all VMs of {trouble.who or 'all domains'} are cut off for {trouble.seconds} s")
        now = self.world.kernel.now
        mutes = []
        for domain in sorted({str(vm.key) for vm in muted}):
            mute = Mute(domain, frozenset(vm.instance_id for vm in muted if str(vm.key) == domain), now)
            self.ledger.mutes.append(mute)
            mutes.append(mute)
        for vm in muted:
            vm.is_muted = True

        def unmute() -> None:
            for vm in muted:
                vm.is_muted = False
            for mute in mutes:
                mute.ended = self.world.kernel.now

        self._for_a_while(trouble.seconds, unmute)

    def plant_foreign(self, trouble: Trouble) -> None:
        """Another cluster's, with a mark like ours; or one that nobody marked."""
        mark = Mark("another world", DomainKey("ann", "web"), 1, "i-c8b-1-1") if trouble.pick < 0.5 else None
        planted = self.world.cloud.plant(SITE, mark)
        self.world.say(f"a server appears that is not ours: {planted}")
        self.ledger.foreign.add(planted)

    def plant_stray(self, trouble: Trouble) -> None:
        """A second server of an instance that has one."""
        if server := self._server(trouble):
            self._plant(server.mark, "has a double now")

    def plant_left(self, trouble: Trouble) -> None:
        """A server of an instance whose servers are all gone, by our own doing: nobody wants it any more."""
        there = {server.mark.instance_id for server in self.world.cloud.all_servers() if server.mark}
        gone = [entry.mark for entry in self.world.cloud.journal if entry.what is Happened.GONE]
        over = [mark for mark in gone if mark is not None and mark.instance_id not in there]
        if over:
            self._plant(over[int(trouble.pick * len(over)) % len(over)], "has a server again")

    def _plant(self, mark: Mark, what: str) -> None:
        planted = self.world.cloud.plant(SITE, mark)
        self.ledger.planted.add(planted)
        self.world.say(f"{mark.instance_id} of {mark.key} {what}: {planted}")

    # clients

    def add(self, trouble: Trouble) -> None:
        self._spoken(trouble, trouble.number, self._add)

    def _add(self, owner: str, name: str, size: int | None) -> Reply | None:
        world = self.world
        world.call(
            owner, "add_domain_definition", definition_id="plain", definition={"general": {"engine": "simplest"}}
        )
        config = {
            "general": {"engine": "simplest"},
            "engine_conf": {"preserve_n": size, "force_site": SITE},
            "health": IMPATIENT,
        }
        return world.call(owner, "add_domain", domain_id=name, definition_id="plain", config=config)

    def resize(self, trouble: Trouble) -> None:
        self._spoken(trouble, trouble.number, self._resize)

    def _resize(self, owner: str, name: str, size: int | None) -> Reply | None:
        config = {"engine_conf": {"preserve_n": size}}
        return self.world.call(owner, "reconfigure_domain", domain_id=name, config=config)

    def remove(self, trouble: Trouble) -> None:
        self._spoken(trouble, None, self._remove)

    def _remove(self, owner: str, name: str, _: int | None) -> Reply | None:
        return self.world.call(owner, "remove_domain", domain_id=name)

    def _spoken(
        self, trouble: Trouble, size: int | None, call: Callable[[str, str, int | None], Reply | None]
    ) -> None:
        """One at a time for each domain. What makes no sense is not asked for."""
        account = self.ledger.accounts[trouble.who]
        is_there = account.sizes != {None}
        if trouble.who in self.ledger.busy or (trouble.kind == "add") == is_there:
            return
        self.ledger.busy.add(trouble.who)
        self.world.spawn(partial(self._ask, trouble, size, call))

    def _ask(
        self, trouble: Trouble, size: int | None, call: Callable[[str, str, int | None], Reply | None]
    ) -> None:
        world, domain = self.world, trouble.who
        account = self.ledger.accounts[domain]
        owner, _, name = domain.partition(":")
        asked = f"{trouble.kind} {domain}" + ("" if size is None else f" {size}")
        world.say(f"a client asks: {asked}")
        given_up = (world.kernel.now, max(0, account.most - (size or 0)))
        self.ledger.given_up[domain].append(given_up)
        account.asked(size, world.kernel.now)
        self._note_most(domain, size)
        reply = call(owner, name, size)
        error = (reply or {}).get("error")
        if reply is None or (error and error["type"] in NO_ANSWER):
            world.say(f"  no answer: {asked}")
            until = float("inf") if self.clocks_stepped else world.kernel.now + CALL_LIFE
            account.unanswered(size, until)
        elif error:
            world.say(f"  refused: {asked}: {error['message']}")
            self.ledger.given_up[domain].remove(given_up)
        else:
            world.say(f"  done: {asked}")
            account.answered(size, world.kernel.now)
        account.told(world.kernel.now)
        self.ledger.note_size(domain, world.kernel.now)
        self.ledger.busy.discard(domain)

    def _note_most(self, domain: str, size: int | None) -> None:
        """From now on it may be of that size."""
        most = max(self.ledger.accounts[domain].most, size or 0)
        self.ledger.sizes_over_time[domain].append((self.world.kernel.now, most))

    def terminate(self, trouble: Trouble) -> None:
        if server := self._server(trouble):
            key, name = server.mark.key, server.mark.instance_id
            self._harm(name, key, "is terminated by its owner")
            self.world.spawn(partial(self._dismiss, key.owner, name))

    def _dismiss(self, owner: str, instance_id: str) -> None:
        reply = self.world.call(owner, "terminate_instance", instance_id=instance_id)
        if reply is not None and not reply.get("error"):
            self.ledger.dismissed.add(instance_id)
