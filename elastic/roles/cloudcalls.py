"""The provisioner's calls to the cloud: done by workers, bounded in time, each answer noted in a dossier.

A call's answer is bound to the tenure under which it was sent: learnt under an older one it counts for nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from elastic.errors import CloudRefused, CloudUnavailable, ServerGone
from elastic.model.domain import Domain, DomainKey, Json
from elastic.model.instance import Instance
from elastic.model.parts import Part
from elastic.model.recipe import Recipe
from elastic.model.server import Order, Server
from elastic.ports.clock import Clock
from elastic.ports.cloud import Cloud
from elastic.ports.workers import Workers
from elastic.roles.dossiers import Dossiers
from elastic.roles.listings import Found, Listings
from elastic.roles.memory import drop_others
from elastic.rules import lessons
from elastic.rules.dossier import Prepared
from elastic.rules.standing import Complaint

log = logging.getLogger(__name__)

NOTHING_TO_PREPARE: Mapping[str, Any] = {"prepared": Prepared(), "console": ""}
LIST_WHOLE_SITE = 4  # this many looks at one site cost more than a page of a listing of all


class CloudCalls:
    def __init__(
        self,
        cloud: Cloud,
        workers: Workers,
        dossiers: Dossiers,
        clock: Clock,
        timeout: float,
        uid: Callable[[], str],
        order: Callable[[Domain, Instance], Order],
        recipe: Callable[[Order], tuple[Recipe, Mapping[str, Json]]],
        touch: Callable[[DomainKey], None],
        doubt: Callable[[], None],
    ) -> None:
        self._doubt = doubt
        self._cloud, self._workers, self._dossiers, self._clock = cloud, workers, dossiers, clock
        self.timeout, self._uid, self._order, self._touch = timeout, uid, order, touch
        self._recipe = recipe
        self.refused: dict[str, int] = defaultdict(int)  # kind of call -> not answered, for the metrics
        self._listings = Listings(cloud, workers, clock, uid)
        self._troubles: dict[DomainKey, tuple[int, Complaint]] = {}  # and the tenure it was met in

    @property
    def known(self) -> Mapping[str, Any]:
        """Of every dossier: where the cloud boots whatever it is asked for there is nothing to prepare, and no
        console."""
        return {} if self._cloud.needs_recipes else NOTHING_TO_PREPARE

    def prepare(self, domain: Domain, instance: Instance, tenure: int) -> None:
        """Look up its type, and have the parts made that it asks for; what is on record stays what it has."""
        order = replace(self._order(domain, instance), parts=instance.parts)

        def work() -> Prepared:
            recipe, variables = self._recipe(order)
            whole = replace(order, recipe=recipe, variables=variables)
            return Prepared(recipe, variables, self._cloud.prepare(whole, self.timeout))

        def answered(prepared: Prepared | None, error: Exception | None) -> None:
            self._reckon(domain.key, tenure, "prepare", error)
            self._learn(domain.key, instance, tenure, lessons.of_prepare(instance, prepared, error, self._now()))

        self._note(instance.instance_id, tenure, under_way=True)
        self._workers.submit(f"prepare {instance.site}", work, answered)

    def create(
        self,
        domain: Domain,
        instance: Instance,
        prepared: Prepared,
        send_by: float,
        tenure: int,
        then: Callable[[], None],
    ) -> None:
        """Send the create whose attempt is on record, unless `send_by` (monotonic) has passed."""
        said = {"recipe": prepared.recipe, "variables": prepared.variables, "parts": instance.parts}
        order = replace(self._order(domain, instance), **said)

        def send() -> Server:
            if self._now() > send_by:
                raise lessons.NotSent("no worker was free in time")
            return self._cloud.create(order, self.timeout)

        def answered(server: Server | None, error: Exception | None) -> None:
            self._reckon(domain.key, tenure, "create", error)
            self._learn(domain.key, instance, tenure, lessons.of_create(server, error, self._now()))
            then()

        self._note(instance.instance_id, tenure, under_way=True, refused=None, not_sent=False, made=None)
        self._workers.submit(f"create {instance.site}", send, answered)

    def look(self, key: DomainKey, instances: Sequence[Instance], tenure: int) -> None:
        """List by mark; many of one site at once by one listing."""
        sites: dict[str, list[Instance]] = defaultdict(list)
        for instance in instances:
            sites[instance.site].append(instance)
            self._note(instance.instance_id, tenure, under_way=True)
        for site, wanted in sites.items():
            if len(wanted) >= LIST_WHOLE_SITE * self._listings.pages(site):
                self._listings.ask(site, self.timeout, partial(self._listed, key, tenure, wanted))
                continue
            for instance in wanted:
                self._list_one(key, tenure, instance)

    def _list_one(self, key: DomainKey, tenure: int, instance: Instance) -> None:
        begun, name = self._now(), instance.instance_id
        work = partial(self._cloud.servers, instance.site, self._uid(), self.timeout, name)

        def listed(servers: Sequence[Server] | None, error: Exception | None) -> None:
            self._listed(key, tenure, [instance], begun, None if servers is None else {name: servers}, error)

        self._workers.submit(instance.site, work, listed)

    def _listed(
        self,
        key: DomainKey,
        tenure: int,
        wanted: Sequence[Instance],
        begun: float,
        found: Found | None,
        error: Exception | None,
    ) -> None:
        self._reckon(key, tenure, "list", error)
        for instance in wanted:
            lesson = lessons.of_list(instance, begun, found, error, self._now())
            self._note(instance.instance_id, tenure, under_way=False, **lesson)
        self._touch(key)

    def check(self, key: DomainKey, instance: Instance, tenure: int) -> None:
        """Ask for the recorded server itself: the only word by which it can be gone."""
        site, server_id = instance.site, str(instance.server_id)

        begun = self._now()

        def answered(server: Server | None, error: Exception | None) -> None:
            self._reckon(key, tenure, "get", error)
            before = self._dossiers.bare(instance.instance_id, tenure)
            lesson = lessons.of_check(instance, server, error, before, begun, self._now())
            self._learn(key, instance, tenure, lesson)

        self._note(instance.instance_id, tenure, under_way=True)
        self._workers.submit(site, lambda: self._cloud.server(site, server_id, self.timeout), answered)

    def delete(self, key: DomainKey, instance: Instance, server_id: str, tenure: int) -> None:
        site, is_recorded = instance.site, server_id == instance.server_id

        def answered(_: None, error: Exception | None) -> None:
            self._reckon(key, tenure, "delete", error)
            before = self._dossiers.bare(instance.instance_id, tenure)
            self._learn(key, instance, tenure, lessons.of_delete(error, is_recorded, before, self._now()))

        begun = self._now()
        self._note(instance.instance_id, tenure, under_way=True, deleted_at=begun)
        self._workers.submit(site, lambda: self._cloud.delete(site, server_id, self.timeout), answered)

    def listen(self, key: DomainKey, instance: Instance, tenure: int) -> None:
        """Ask for what it said; it is not worth waiting for if the cloud does not answer."""
        site, server_id = instance.site, str(instance.server_id)

        def answered(console: str | None, error: Exception | None) -> None:
            self._reckon(key, tenure, "console", error)
            self._learn(key, instance, tenure, {"console": console or ""})

        self._note(instance.instance_id, tenure, under_way=True)
        self._workers.submit(site, lambda: self._cloud.console(site, server_id, self.timeout), answered)

    def release(self, key: DomainKey, instance: Instance, part: Part, tenure: int) -> None:
        site, identity = instance.site, instance.instance_id

        def answered(_: None, error: Exception | None) -> None:
            self._reckon(key, tenure, f"release of a {part.kind}", error)
            if isinstance(error, CloudRefused):
                self._complain(key, tenure, f"{part.kind} {part.part_id} of {identity} is not let go: {error}")
            before = self._dossiers.bare(identity, tenure)
            self._learn(key, instance, tenure, lessons.of_release(part, error, before, self._now()))

        self._note(identity, tenure, under_way=True)
        self._workers.submit(site, lambda: self._cloud.release(site, part, self.timeout), answered)

    def _learn(self, key: DomainKey, instance: Instance, tenure: int, lesson: lessons.Lesson) -> None:
        """The call has come back: what it taught, and the domain is visited again."""
        self._note(instance.instance_id, tenure, under_way=False, **lesson)
        self._touch(key)

    def _now(self) -> float:
        return self._clock.monotonic()

    def _note(self, instance_id: str, tenure: int, **learnt: Any) -> None:
        self._dossiers.note(instance_id, tenure, **learnt)

    def keep_only(self, instance_ids: Collection[str], keys: Collection[DomainKey]) -> None:  # noqa: ARG002
        drop_others(self._troubles, keys)

    def complaints(self, key: DomainKey, tenure: int) -> tuple[Complaint, ...]:
        """What came of its last call, if that was no answer."""
        met_in, complaint = self._troubles.get(key, (None, None))
        return (complaint,) if complaint is not None and met_in == tenure else ()

    def _complain(self, key: DomainKey, tenure: int, text: str) -> None:
        log.info("%s: %s", key, text)
        self._troubles[key] = (tenure, Complaint("Degraded", "CloudRefused", text[:500]))

    def _reckon(self, key: DomainKey, tenure: int, what: str, error: Exception | None) -> None:
        """A refusal is an answer too."""
        if error is None or isinstance(error, CloudRefused | ServerGone | lessons.NotSent):
            self._troubles.pop(key, None)
            return
        self.refused[what] += 1
        self._doubt()
        if isinstance(error, CloudUnavailable):
            log.warning("the cloud did not answer a %s: %s", what, error)
            complaint = Complaint("ProvisioningFailed", "CloudSilent", f"no answer to a {what}: {error}")
        else:
            log.error("a %s failed in an unforeseen way", what, exc_info=error)
            told = f"a {what} failed: {type(error).__name__}: {error}"
            complaint = Complaint("Degraded", "ProvisionerFailed", told[:500])
        self._troubles[key] = (tenure, complaint)
