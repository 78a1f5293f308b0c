"""What befalls domains that a policy sizes: what they go by, who tells it, the work that their VMs have, and whom
clients protect. One method a kind."""

from functools import partial

from tests.simulation.befalling.ends import Ends
from tests.simulation.gauges import MANNERS, WELL
from tests.simulation.kernel import FOREVER
from tests.simulation.labour import DRAINING, Toil
from tests.simulation.ledger import Ledger
from tests.simulation.schedule import Trouble
from tests.simulation.vm import Vm
from tests.simulation.world import World

NEVER = 8.0  # a trouble's seconds from which on a VM never finishes
MOST_TRIES, BETWEEN_TRIES = 8, 2.0


class Policies:
    def __init__(self, world: World, ends: Ends, ledger: Ledger) -> None:
        self.world, self._ends, self.ledger = world, ends, ledger
        self._asked: dict[str, str] = {}  # who was to be protected, and whose it is
        self._let_go_at: dict[str, float] = {}

    def demand(self, trouble: Trouble) -> None:
        """More or less is asked of a domain."""
        if trouble.who in self.world.plans:
            plan, account = self.world.plans[trouble.who], self.ledger.accounts[trouble.who]
            self.ask_of(trouble.who, plan.number(trouble.pick, account.most or trouble.number))

    def ask_of(self, domain: str, number: float) -> None:
        self.world.say(f"the {self.world.plans[domain].metric} of {domain} is {number:g} now")
        self.world.gauge.set(domain, number)

    def tell_badly(self, trouble: Trouble) -> None:
        """The source, the VMs, or both."""
        tellers, manner = self.world.tellers, MANNERS[trouble.number % len(MANNERS)]
        self.world.say(f"{'all are' if trouble.flag else 'the source is'} {manner} for {trouble.seconds} s")
        tellers.source = manner
        if trouble.flag:
            tellers.vms = manner
        self._ends.in_a_while(trouble.seconds, self.tell_well)

    def tell_well(self) -> None:
        self.world.tellers.source = self.world.tellers.vms = WELL

    def toil(self, trouble: Trouble) -> None:
        """VMs of a domain have work, or none; and finish it sooner or later, or never."""
        if trouble.who in self.world.plans:
            seconds = trouble.seconds if trouble.seconds < NEVER else FOREVER
            self.set_to_work(trouble.who, Toil(trouble.pick, seconds))

    def set_to_work(self, domain: str, toil: Toil) -> None:
        self.world.say(f"of the VMs of {domain} {toil.share:.0%} have work, and finish it in {toil.seconds} s")
        self.world.toils[domain] = toil
        for vm in self._vms(domain):
            if vm.labour is not None:
                vm.labour.take_up(int(self.world.fortune.random() < toil.share), toil.seconds)

    def _vms(self, domain: str = "") -> list[Vm]:
        """Of that domain, or of all that a policy sizes."""
        there = [vm for vm in self.world.vms.values() if vm.labour and domain in ("", vm.labour.domain)]
        return sorted(there, key=lambda vm: vm.server_id)

    def lose_drainer(self, trouble: Trouble) -> None:
        """One dies while it finishes its work."""
        self._lose([vm for vm in self._vms() if vm.labour and vm.labour.now.drain == DRAINING], trouble.pick)

    def lose_one(self, domain: str, drains: bool = False) -> None:
        there = [vm for vm in self._vms(domain) if vm.labour and (vm.labour.now.drain == DRAINING) is drains]
        self._lose(there, 0.0)

    def _lose(self, vms: list[Vm], pick: float) -> None:
        if vms:
            vm = vms[int(pick * len(vms)) % len(vms)]
            drains = vm.labour is not None and vm.labour.now.drain == DRAINING
            self.world.say(f"{vm.instance_id} of {vm.key} dies{' while it drains' if drains else ''}")
            self.world.kernel.met["one died while it drained"] += drains
            self.ledger.harmed.setdefault(vm.instance_id, self.world.kernel.now)
            self.ledger.deaths.append((str(vm.key), self.world.kernel.now))
            self.world.cloud.kill(vm.server_id)

    def protect(self, trouble: Trouble) -> None:
        if vms := self._vms():
            vm = vms[int(trouble.pick * len(vms)) % len(vms)]
            self.world.spawn(partial(self._protect, vm.key.owner, vm.instance_id))

    def _protect(self, owner: str, name: str) -> None:
        self._asked[name], begun = owner, self.world.kernel.now
        if self._done(owner, "protect_instance", name) and self._let_go_at.get(name, -1.0) < begun:
            self.world.say(f"{name} is protected")
            self.ledger.protected[name].append((self.world.kernel.now, FOREVER))

    def unprotect(self, trouble: Trouble) -> None:
        if named := sorted(self._asked):
            self._let_go(named[int(trouble.pick * len(named)) % len(named)])

    def _let_go(self, name: str) -> None:
        self.world.say(f"{name} is to be protected no more")
        self._let_go_at[name] = self.world.kernel.now
        times = self.ledger.protected[name]
        times[:] = [(since, min(until, self.world.kernel.now)) for since, until in times]
        self.world.spawn(partial(self._unprotect, self._asked[name], name))

    def _unprotect(self, owner: str, name: str) -> None:
        """Asked again where a member's clock says that it is too late for that."""
        for _ in range(MOST_TRIES):
            if self._done(owner, "unprotect_instance", name):
                return
            self.world.kernel.sleep(BETWEEN_TRIES)

    def protect_first(self, domain: str) -> None:
        """Who would be the first to go: the newest."""
        if vms := self._vms(domain):
            self._protect(vms[-1].key.owner, vms[-1].instance_id)

    def calm(self) -> None:
        """What is under way comes to its end, and nobody is protected any more."""
        for domain in self.world.plans:
            self.set_to_work(domain, Toil(0.5, 1.0))
        for name in sorted(self._asked):
            self._let_go(name)

    def _done(self, owner: str, op: str, name: str) -> bool:
        reply = self.world.call(owner, op, instance_id=name)
        return reply is not None and not reply.get("error")
