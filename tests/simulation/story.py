"""A schedule, told: the world goes through it, and then through a while of peace."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from elastic.adapters.cloud.furnished import Befell
from elastic.adapters.cloud.weather import Weather
from elastic.model.states import InstanceState
from elastic.rules.backoff import LONGEST_DELAY
from tests.simulation.ledger import Furnished, Ledger, Listing, Shown
from tests.simulation.schedule import LENGTH, OWNERS, Schedule, Setting, Trouble
from tests.simulation.trials import Trials
from tests.simulation.troubles import Troubles
from tests.simulation.world import World

WHY = 25  # seconds between two questions for the reasons of decisions, of which the last fifty are kept
BETWEEN_LOOKS = 2.5  # seconds between two looks of the client who wants to know what there is
PEACE = 60.0  # seconds in which all has to be well again, but for a backoff that is running, and
AFTERWARDS = 25.0  # what a boot takes after that
TRIED = 26.0  # seconds that a trial takes, with what follows from it
LONGEST_SWEEP = 150.0  # seconds, of parts that were made in vain
JUST_NOW = 10.0  # seconds in which what has happened comes to be known
ROUGH = Weather(
    boot=(0.5, 4.0),
    listing_lag=(0.0, 0.8),
    delete=(0.0, 1.0),
    boot_error=0.05,
    no_room=0.05,
    create_unheard=0.08,
    create_late=0.05,
    late_by=(0.0, 0.8),
    reply_lost=0.08,
    read_unheard=0.05,
    delete_unheard=0.05,
    delete_reply_lost=0.05,
    shown_deleted=(0.0, 3.0),
)
SLOW = replace(ROUGH, latency=(0.0, 1.0), listing_lag=(0.0, 5.0), late_by=(0.0, 9.0), left_out=0.05)
FAIR = Weather(boot=(0.5, 2.0))


class Story:
    """`lines` tell it; `ledger` is what clients know; `world.cloud.journal` what really happened."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.setting = schedule, schedule.setting
        self.world = World(
            schedule.seed,
            self.setting.members,
            _weather(self.setting),
            is_furnished=self.setting.is_furnished,
            plans=self.setting.planned,
        )
        self.ledger = Ledger(self.world.plans, self.world.gauge)
        self.troubles = Troubles(self.world, self.ledger)
        self.peace_at = self.calm_at = 0.0
        self.unsettled: list[str] = []

    @property
    def lines(self) -> list[str]:
        return self.world.lines

    def tell(self) -> "Story":
        world = self.world
        for replica in world.replicas.values():
            replica.store.lag = self.setting.lag
        for trouble in self.schedule.troubles:
            world.kernel.at(trouble.at, partial(self.troubles.befall, trouble))
        world.kernel.at(1.0, self._listen)
        if self.setting.is_furnished:
            world.kernel.at(1.0, self._register)
        for at in range(WHY, int(LENGTH), WHY):
            world.kernel.at(at, self._ask_for_reasons)
        world.run(LENGTH)
        self._make_peace()
        world.run(PEACE)
        while self._waits_for_a_backoff() and world.kernel.now < self.peace_at + PEACE + LONGEST_DELAY:
            world.run(AFTERWARDS)
        while self._is_being_swept() and world.kernel.now < self.peace_at + PEACE + LONGEST_SWEEP:
            world.run(AFTERWARDS)
        self._settle()
        self._ask_for_reasons()
        self.unsettled, self.calm_at = self._odd(), world.kernel.now
        if self.setting.trials:
            self._try()
        self._ask_at_the_end()
        return self

    def _settle(self) -> None:
        if not self.is_settled():
            self.world.run(AFTERWARDS)

    def _try(self) -> None:
        trials = Trials(self.world, self.ledger, self.troubles.policies)
        trials.begin(dict(zip(self.setting.planned, self.setting.trials, strict=True)))
        self.world.run(TRIED)
        self._settle()

    def is_settled(self) -> bool:
        """Each domain has a size that it may have, all in it are well, and nothing has just happened there."""
        lately = [entry for entry in self.world.cloud.journal if entry.time > self.world.kernel.now - JUST_NOW]
        lately += [entry for entry in self.world.parts_journal() if entry.time > self.world.kernel.now - JUST_NOW]
        return not self._odd() and not lately

    def _odd(self) -> list[str]:
        """What is not as it should be once all is calm: sizes, and who is ill."""
        live = Counter(str(server.mark.key) for server in self.world.ours())
        ill = [f"{name} is ill, and there" for name in self.world.ill()]
        return ill + [
            f"{domain} has {live[domain]} servers, and should have {_one_of(self.ledger.allowed(domain))}"
            for domain in sorted(self.ledger.accounts)
            if live[domain] not in self.ledger.allowed(domain)
        ]

    def _is_being_swept(self) -> bool:
        """A sweep takes three a turn: many parts that were made in vain take many turns, and still go."""
        since = self.world.kernel.now - JUST_NOW - self.world.tuning.sweep
        return any(entry.what is Befell.GONE and entry.time > since for entry in self.world.parts_journal())

    def _waits_for_a_backoff(self) -> bool:
        """The cloud has refused so often before that it is asked again later."""
        store = self.world.server.store
        conditions = [
            condition for key in store.all_domains() for condition in store.view(key).standing.conditions
        ]
        return any(condition.reason == "Backoff" for condition in conditions)

    def _make_peace(self) -> None:
        self.troubles.make_peace()
        self.peace_at = self.world.kernel.now
        self.world.cloud.weather = FAIR
        for domain in self.setting.planned:
            self.troubles.clients.add(Trouble(self.peace_at, "add", domain, number=4))
        self.troubles.policies.calm()

    def _register(self) -> None:
        """What servers are to be made with."""
        for owner in OWNERS:
            self.world.spawn(partial(self.troubles.clients.register_types, owner))

    def _listen(self) -> None:
        """A client who asks, again and again, what there is."""
        self.world.spawn(self._look_for_ever)

    def _look_for_ever(self) -> None:
        while True:
            self._look()
            self.world.kernel.sleep(BETWEEN_LOOKS)

    def _look(self) -> None:
        found, begun = [], self.world.kernel.now
        for owner in OWNERS:
            rows = self._asked(owner, "list_domains")
            if rows is None:
                return
            found += [(owner, row["name"]) for row in rows]
        domains = frozenset(f"{owner}:{name}" for owner, name in found)
        self.ledger.listings.append(Listing(begun, self.world.kernel.now, domains))
        for owner, name in found:
            if domain := self._asked(owner, "describe_domain", domain_id=name):
                self._note_shown(f"{owner}:{name}", domain)

    def _asked(self, owner: str, op: str, **args: str) -> Any:
        """Null if no answer came."""
        return (self.world.call(owner, op, **args) or {}).get("result")

    def _note_shown(self, key: str, domain: Mapping[str, Any]) -> None:
        now = self.world.kernel.now
        running = {
            row["server_id"]: row["instance_id"]
            for row in domain["instances"]
            if row["state"] == InstanceState.RUNNING.value and row["server_id"]
        }
        for server, instance in running.items():
            self.ledger.told.setdefault(instance, {}).setdefault(server, now)
        is_policed = key in self.world.plans
        size = domain["desired"] if is_policed else domain["config"]["engine_conf"]["preserve_n"]
        self.ledger.shown[key] = Shown(now, size, frozenset(running))

    def _ask_for_reasons(self) -> None:
        """Why policies did what they did."""
        for domain in self.setting.planned:
            self.world.spawn(partial(self._ask_why, domain))

    def _ask_why(self, domain: str) -> None:
        owner, _, name = domain.partition(":")
        for row in self._asked(owner, "list_decisions", domain_id=name) or ():
            self.ledger.reasons[domain, row["member"], row["time"]] = row

    def _ask_at_the_end(self) -> None:
        self._ask_for_reasons()
        looks = len(self.ledger.listings)
        self.world.spawn(self._look)
        self.world.run(5.0)
        if len(self.ledger.listings) == looks:
            self.world.say("nobody answers, in peace")
        if self.setting.is_furnished:
            self.world.spawn(self._ask_for_parts)
            self.world.run(5.0)

    def _ask_for_parts(self) -> None:
        """What each that lives has."""
        for domain in sorted(self.ledger.listings[-1].domains if self.ledger.listings else ()):
            owner, _, name = domain.partition(":")
            shown = self._asked(owner, "describe_domain", domain_id=name) or {}
            for row in shown.get("instances", ()):
                if row["state"] < InstanceState.TERMINATED.value:
                    told = self._asked(owner, "describe_instance", instance_id=row["instance_id"]) or {}
                    parts = frozenset(part["id"] for part in told.get("parts", ()))
                    self.ledger.furnished[row["instance_id"]] = Furnished(row["server_id"], parts)


def _one_of(sizes: Iterable[int]) -> str:
    return " or ".join(map(str, sorted(sizes)))


def _weather(setting: Setting) -> Weather:
    return SLOW if setting.is_slow else ROUGH
