"""What befalls VMs and their servers. One method a kind."""

from functools import partial

from elastic.adapters.cloud.weather import Happened
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Server
from tests.simulation.befalling.ends import Ends
from tests.simulation.ledger import Ledger, Mute
from tests.simulation.plans import SITE
from tests.simulation.schedule import Trouble
from tests.simulation.vm import Vm
from tests.simulation.world import World


class Vms:
    def __init__(self, world: World, ends: Ends, ledger: Ledger) -> None:
        self.world, self._ends, self.ledger = world, ends, ledger

    def _server(self, trouble: Trouble) -> Server | None:
        ours = sorted(self.world.ours(), key=lambda s: s.server_id)
        return ours[int(trouble.pick * len(ours)) % len(ours)] if ours else None

    def _vm(self, trouble: Trouble) -> Vm | None:
        vms = sorted(self.world.vms.values(), key=lambda v: v.server_id)
        return vms[int(trouble.pick * len(vms)) % len(vms)] if vms else None

    def _harm(self, instance_id: str, key: DomainKey, what: str) -> None:
        self.world.say(f"{instance_id} of {key} {what}")
        self.ledger.harmed.setdefault(instance_id, self.world.kernel.now)

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

        self._ends.in_a_while(trouble.seconds, unmute)

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

    def terminate(self, trouble: Trouble) -> None:
        if server := self._server(trouble):
            key, name = server.mark.key, server.mark.instance_id
            self._harm(name, key, "is terminated by its owner")
            self.world.spawn(partial(self._dismiss, key.owner, name))

    def _dismiss(self, owner: str, instance_id: str) -> None:
        reply = self.world.call(owner, "terminate_instance", instance_id=instance_id)
        if reply is not None and not reply.get("error"):
            self.ledger.dismissed.add(instance_id)
