"""What policies promise, tried when all is calm: one trial for each domain that a policy sizes, by name."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.simulation.befalling.policies import Policies
from tests.simulation.kernel import FOREVER
from tests.simulation.labour import Toil
from tests.simulation.ledger import Ledger
from tests.simulation.plans import PERIOD, Plan
from tests.simulation.world import World

TOLD = 5.0  # seconds in which all know what VMs say of their work, or what a source says
STEPPED = 10.0  # seconds in which a size has followed by a step, and who is to drain has been told so
LONG = 300.0  # seconds of cooldown: more than there are left
FEW, MANY = 0.0, 1.0


class Trials:
    def __init__(self, world: World, ledger: Ledger, policies: Policies) -> None:
        self._world, self._ledger, self._policies = world, ledger, policies

    def begin(self, named: Mapping[str, str]) -> None:
        """`named`: a trial by domain. One whose domain is not there, or perhaps not, is passed over."""
        for domain, name in named.items():
            if None not in self._ledger.accounts[domain].sizes:
                self._world.say(f"{domain} is tried: {name}")
                self._world.kernel.met[f"tried: {name}"] += 1
                self._world.spawn(partial(TRIALS[name], Trial(self._world, self._ledger, self._policies, domain)))


class Trial:
    """One domain in its trial: what can be done to it."""

    def __init__(self, world: World, ledger: Ledger, policies: Policies, domain: str) -> None:
        self.world, self.ledger, self.policies, self.domain = world, ledger, policies, domain
        self.plan: Plan = world.plans[domain]
        self.owner, _, self.name = domain.partition(":")

    @property
    def most(self) -> int:
        return self.ledger.accounts[self.domain].most

    def ask(self, pick: float) -> None:
        self.policies.ask_of(self.domain, self.plan.number(pick, self.most))

    def toil(self, seconds: float = FOREVER) -> None:
        """All have work."""
        self.policies.set_to_work(self.domain, Toil(1.0, seconds))

    def wait(self, seconds: float) -> None:
        self.world.kernel.sleep(seconds)

    def lose_one(self, drains: bool = False) -> None:
        self.policies.lose_one(self.domain, drains)

    def protect_first(self) -> None:
        self.policies.protect_first(self.domain)

    def hold(self) -> None:
        """From now on the size is to stay, as it was told last."""
        if domain := self._call("describe_domain"):
            self.ledger.held[self.domain] = domain["desired"]

    def cool_for(self, seconds: float) -> None:
        self._call("reconfigure_domain", config={"engine_conf": self.plan.cooling(seconds)})

    def _call(self, op: str, **args: Any) -> Any:
        return (self.world.call(self.owner, op, domain_id=self.name, **args) or {}).get("result")


def _rise(trial: Trial) -> None:
    trial.ask(MANY)


def _fall(trial: Trial) -> None:
    if trial.plan.least:
        trial.protect_first()
    trial.ask(FEW)


def _death_without_data(trial: Trial) -> None:
    """What dies is replaced, and nothing else is done."""
    trial.hold()
    trial.world.tellers.unheard.add(trial.domain)
    trial.wait(PERIOD + TOLD)
    trial.lose_one()


def _death_in_the_cooldown(trial: Trial) -> None:
    """Likewise, right after a step."""
    trial.cool_for(LONG)
    trial.wait(TOLD)
    trial.ask(FEW if trial.world.gauge.of(trial.domain) == trial.plan.number(MANY, trial.most) else MANY)
    trial.wait(STEPPED)
    trial.hold()
    trial.lose_one()


def _drain_that_is_answered(trial: Trial) -> None:
    _busy_and_too_many(trial, seconds=3.0)


def _drain_that_is_not_answered(trial: Trial) -> None:
    """They go when their time is over."""
    _busy_and_too_many(trial)


def _drain_that_is_taken_back(trial: Trial) -> None:
    _busy_and_too_many(trial)
    trial.wait(STEPPED / 2)
    trial.ask(MANY)


def _death_of_who_drains(trial: Trial) -> None:
    _busy_and_too_many(trial)
    trial.wait(STEPPED / 2)
    trial.lose_one(drains=True)
    trial.toil(seconds=1.0)


def _busy_and_too_many(trial: Trial, seconds: float = FOREVER) -> None:
    trial.toil(seconds)
    trial.wait(TOLD)
    trial.ask(FEW)


TRIALS: Mapping[str, Callable[[Trial], None]] = {
    "rise": _rise,
    "fall": _fall,
    "death without data": _death_without_data,
    "death in the cooldown": _death_in_the_cooldown,
    "drain that is answered": _drain_that_is_answered,
    "drain that is not answered": _drain_that_is_not_answered,
    "drain that is taken back": _drain_that_is_taken_back,
    "death of who drains": _death_of_who_drains,
}
