"""What clients ask for: domains come, change and go. One method a kind, and the ledger of what they were told."""

from collections.abc import Callable
from functools import partial

from elastic.ports.bus import Reply
from tests.scenario.world import IMPATIENT
from tests.simulation.bus import BEFORE_ASKED_AGAIN
from tests.simulation.ledger import Ledger
from tests.simulation.plans import SITE, TYPE
from tests.simulation.schedule import OWNERS, Trouble
from tests.simulation.world import LESS, RECIPE, World

NO_ANSWER = ("unavailable", "too_late")  # the latter by the clock of who says so: another may have done it
CALL_LIFE = 8.0
"""Seconds in which a call may still be acted upon that was not answered, or of which only one copy was refused:
where it was asked again, an older copy may have been held up."""


class Clients:
    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger = world, ledger

    def register_types(self, owner: str) -> None:
        """To be called in a task: until it is answered that there is one."""
        known: Reply | None = None
        while not known or "error" in known:
            self.world.call(owner, "add_type", type_id=TYPE, type={"common": RECIPE, "sites": {SITE: {}}})
            known = self.world.call(owner, "describe_type", type_id=TYPE)

    def retype(self, trouble: Trouble) -> None:
        """From now on servers have less beside them, or all again."""
        recipe = LESS if trouble.pick < 0.6 else RECIPE
        self.world.say(f"types are written anew: {sorted(recipe)}")
        self.ledger.types_changed = True
        for owner in OWNERS:
            kind = {"common": recipe, "sites": {SITE: {}}}
            self.world.spawn(partial(self.world.call, owner, "update_type", type_id=TYPE, type=kind))

    def add(self, trouble: Trouble) -> None:
        self._spoken(trouble, trouble.number, self._add)

    def _add(self, owner: str, name: str, size: int | None) -> Reply | None:
        world, plan = self.world, self.world.plans.get(f"{owner}:{name}")
        world.call(
            owner, "add_domain_definition", definition_id="plain", definition={"general": {"engine": "simplest"}}
        )
        kind = {"epuworker_type": TYPE} if world.is_furnished else {}
        config = {
            "general": {"engine": plan.engine if plan else "simplest"},
            "engine_conf": plan.conf(size or 0) if plan else {"preserve_n": size, "force_site": SITE, **kind},
            "health": IMPATIENT,
        }
        return world.call(owner, "add_domain", domain_id=name, definition_id="plain", config=config)

    def resize(self, trouble: Trouble) -> None:
        self._spoken(trouble, trouble.number, self._resize)

    def _resize(self, owner: str, name: str, size: int | None) -> Reply | None:
        plan = self.world.plans.get(f"{owner}:{name}")
        config = {"engine_conf": plan.limits(size or 0) if plan else {"preserve_n": size}}
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
            account.unanswered(size, self._acted_upon_until())
        elif error and world.kernel.now - given_up[0] > BEFORE_ASKED_AGAIN:
            world.say(f"  refused, having been asked again: {asked}: {error['message']}")
            account.unanswered(size, self._acted_upon_until())
        elif error:
            world.say(f"  refused: {asked}: {error['message']}")
            self.ledger.given_up[domain].remove(given_up)
        else:
            world.say(f"  done: {asked}")
            account.answered(size, world.kernel.now)
        account.told(world.kernel.now)
        self.ledger.note_size(domain, world.kernel.now)
        self.ledger.busy.discard(domain)

    def _acted_upon_until(self) -> float:
        """By whose clock a call is too late nobody knows once clocks have been set."""
        return float("inf") if self.world.clocks_stepped else self.world.kernel.now + CALL_LIFE

    def _note_most(self, domain: str, size: int | None) -> None:
        """From now on it may be of that size."""
        most = max(self.ledger.accounts[domain].most, size or 0)
        self.ledger.sizes_over_time[domain].append((self.world.kernel.now, most))
