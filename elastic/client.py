"""What the commands do, from Python::

    from elastic.client import connect

    client = connect(data_dir="elastic-data")
    client.add_definition("web", {"engine_conf": {"preserve_n": 3}})
    client.add_domain("shop", "web")
    for progress in client.until_settled("shop", timeout=120):
        print(progress.text)
    client.close()

Answers are plain values as `doc/protocol.md` writes them: lower-case snake keys, times as float seconds since
the epoch, states as `600-RUNNING`. Refusals are raised as the errors of `elastic.errors`. A change carries a
key of its own: sent again after a lost reply, it is not made twice.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from elastic.errors import BadRequest, Conflict, NotFound, Unavailable
from elastic.model.domain import Json
from elastic.model.states import InstanceState
from elastic.ports.bus import RpcClient

PATIENCE = 20.0
"""Seconds that an answer may take."""

POLL = 0.25

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a wait has come. `total` is null while nobody can say; `is_end`: what was waited for is so."""

    text: str
    done: int = 0
    total: int | None = None
    is_end: bool = False


class _Calls:
    """How a client asks: for a row, for rows, for a change."""

    def __init__(
        self,
        rpc: RpcClient,
        owner: str | None = None,
        as_user: str | None = None,
        timeout: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rpc, self._owner, self._as_user = rpc, owner, as_user
        self._timeout, self._sleep = timeout, sleep

    def _row(self, op: str, timeout: float | None = None, **args: Json) -> Row:
        row: Row = self._rpc.call(op, _given(args), timeout or self._timeout, as_user=self._as_user)
        return row

    def _rows(self, op: str, **args: Json) -> list[Row]:
        rows: list[Row] = self._rpc.call(op, _given(args), self._timeout, as_user=self._as_user)
        return rows

    def _change(self, op: str, **args: Json) -> Row:
        key = uuid.uuid4().hex
        said: Row = self._rpc.call(op, _given(args), self._timeout, idempotency_key=key, as_user=self._as_user)
        return said

    def _change_owned(self, op: str, **args: Json) -> None:
        self._change(op, **args, owner=self._owner)


class _ClusterCalls(_Calls):
    """What concerns the cluster as a whole."""

    def ping(self, timeout: float = 3.0) -> Row:
        """Raise BusUnavailable if no replica answers within `timeout` seconds."""
        return self._row("ping", timeout=timeout)

    def replicas(self) -> list[Row]:
        """Every member: who leads what, what it looks after, how it is."""
        return self._rows("list_replicas")

    def drain_replica(self, member: str, weight: float = 0.0) -> None:
        """Have it hand its partitions over; with a weight above 0, take it into service again."""
        self._change("drain_replica", member=member, weight=weight)

    def forget_replica(self, member: str) -> None:
        """Take one that died for good off the list."""
        self._change("forget_replica", member=member)

    def servers(self, strays: bool = False) -> list[Row]:
        """What servers the cloud has under our mark; `strays`: only what no record claims, and for an operator who
        names no owner also ports, volumes, floating IPs and groups (`kind`)."""
        return self._rows("list_servers", owner=self._owner, strays=strays)

    def reap_strays(self) -> None:
        """Have strays swept now, by the usual rules, and not at the next interval."""
        self._change("reap_strays")

    def events(self, after: int = 0, domain: str | None = None) -> list[Row]:
        """The newest 1,000 at most, oldest first; those with a `seq` above `after`."""
        return self._rows("list_events", owner=self._owner, after=after, domain_id=domain)

    def follow_events(self, after: int = 0, domain: str | None = None, pause: float = 0.5) -> Iterator[Row]:
        """Events as they come, for ever. A cluster that does not answer for a while is waited for."""
        while True:
            try:
                news = self.events(after, domain)
            except Unavailable:
                news = []
            for event in news:
                after = event["seq"]
                yield event
            self._sleep(pause)

    def disable(self, whose: str | None = None) -> Row:
        """Have nothing more launched, for that owner or, without one, for all; what is on its way at that moment
        may still come up. `domains`: how many."""
        return self._change("disable", owner=whose)

    def enable(self, whose: str | None = None) -> Row:
        return self._change("enable", owner=whose)

    def terminate_all(self, whose: str | None = None) -> Row:
        """End every instance. Conflict unless they are disabled."""
        return self._change("terminate_all", owner=whose)

    def check_store(self) -> Row:
        """Read all of it; `problems` lists what does not fit together."""
        return self._row("store_check", timeout=120.0)

    def accept_store(self) -> None:
        """After a restore: the store is right as it is, and strays may be swept again."""
        self._change("store_accept")

    def finish_upgrade(self) -> Row:
        """Let members write the newest format that all of them read."""
        return self._change("upgrade_finish")

    def quarantine(self) -> list[Row]:
        """Domains that nobody visits for a while, because a replica died in a visit to them."""
        return self._rows("list_quarantine")

    def release_quarantine(self, domain: str) -> None:
        self._change_owned("release_quarantine", domain_id=domain)


class Client(_ClusterCalls):
    """`owner`: whose things are meant, if not the caller's own (operators only). `as_user`: act for another
    (embedded clusters only). `sleep` is how waits pass the time between two looks. Every method may raise
    `Unavailable` and, if the cluster says so, `Denied`."""

    def close(self) -> None:
        self._rpc.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # definitions

    def add_definition(self, name: str, definition: Mapping[str, Json]) -> None:
        self._change("add_domain_definition", definition_id=name, definition=definition)

    def update_definition(self, name: str, definition: Mapping[str, Json]) -> None:
        """Replace it wholly. Domains made from it before keep what they have."""
        self._change("update_domain_definition", definition_id=name, definition=definition)

    def remove_definition(self, name: str) -> None:
        self._change("remove_domain_definition", definition_id=name)

    def definition(self, name: str) -> Row:
        return self._row("describe_domain_definition", definition_id=name)

    def definitions(self) -> list[Row]:
        return self._rows("list_domain_definitions")

    # deployable types and sites

    def add_type(self, name: str, kind: Mapping[str, Json], common: bool = False, check: bool = False) -> None:
        """`common`: for all owners (operators only); `check`: only if each site has all that it names."""
        self._change_owned("add_type", type_id=name, type=kind, common=common, check=check)

    def update_type(self, name: str, kind: Mapping[str, Json], common: bool = False, check: bool = False) -> None:
        """Replace it wholly. What was launched before stays as it is; each new launch takes this."""
        self._change_owned("update_type", type_id=name, type=kind, common=common, check=check)

    def remove_type(self, name: str, common: bool = False) -> None:
        self._change_owned("remove_type", type_id=name, common=common)

    def type(self, name: str, common: bool = False) -> Row:
        """The one that a launch of ours would take."""
        return self._row("describe_type", owner=self._owner, type_id=name, common=common)

    def types(self) -> list[Row]:
        return self._rows("list_types", owner=self._owner)

    def sites(self) -> list[Row]:
        return self._rows("list_sites")

    def site(self, name: str) -> Row:
        """How it is: `findings`, and whether all is `well`."""
        return self._row("describe_site", site=name, timeout=60.0)

    # domains

    def add_domain(
        self,
        name: str,
        definition: str,
        config: Mapping[str, Json] | None = None,
        unset: Sequence[str] = (),
        subscriber: str | None = None,
        subscribers: Sequence[str] = (),
        paused: bool = False,
    ) -> None:
        """`config`, in sections `general`, `engine_conf` and `health`, goes before what the definition says;
        keys named in `unset`, as `section.key`, are dropped from the result. With `paused` nothing is decided
        until it is resumed."""
        self._change_owned(
            "add_domain",
            domain_id=name,
            definition_id=definition,
            config=config or {},
            unset=list(unset),
            subscriber_name=subscriber,
            subscribers=list(subscribers) or None,
            paused=paused or None,
        )

    def reconfigure_domain(
        self, name: str, config: Mapping[str, Json] | None = None, unset: Sequence[str] = ()
    ) -> None:
        """Change these keys and drop those, all at once or, if the result makes no sense, not at all."""
        self._change_owned("reconfigure_domain", domain_id=name, config=config or {}, unset=list(unset))

    def remove_domain(self, name: str) -> None:
        """Its servers are deleted, then its records forgotten; `until_removed` waits for that."""
        self._change_owned("remove_domain", domain_id=name)

    def pause_domain(self, name: str) -> None:
        """No decisions, launches or terminations until it is resumed; health is still judged."""
        self._change_owned("pause_domain", domain_id=name)

    def resume_domain(self, name: str) -> None:
        """Also clears the brake."""
        self._change_owned("resume_domain", domain_id=name)

    def domain(self, name: str) -> Row:
        return self._row("describe_domain", owner=self._owner, domain_id=name)

    def domains(self, all_owners: bool = False) -> list[Row]:
        """The owner's; `all_owners`: everybody's (operators only, who then name no owner)."""
        return self._rows("list_domains", owner=self._owner, all_owners=all_owners or None)

    def of(self, owner: str | None) -> "Client":
        """The same, for another owner's things. It shares this one's connection: close only one of them."""
        return Client(self._rpc, owner, self._as_user, self._timeout, self._sleep)

    def subscribe(self, domain: str, subscriber: str) -> None:
        """From now on `subscriber`'s durable queue gets the domain's states."""
        self._change_owned("subscribe_domain", domain_id=domain, subscriber_name=subscriber)

    def unsubscribe(self, domain: str, subscriber: str) -> None:
        self._change_owned("unsubscribe_domain", domain_id=domain, subscriber_name=subscriber)

    def decisions(self, domain: str, count: int = 50) -> list[Row]:
        """Why the domain is as it is: the last decisions, newest last."""
        return self._rows("list_decisions", owner=self._owner, domain_id=domain, count=count)

    # instances

    def instances(self, domain: str | None = None) -> list[Row]:
        """Of one domain, or of all the owner's."""
        return self._rows("list_instances", owner=self._owner, domain_id=domain)

    def instance(self, instance_id: str) -> Row:
        return self._row("describe_instance", owner=self._owner, instance_id=instance_id)

    def terminate_instance(self, instance_id: str) -> None:
        """It goes, and is replaced if the domain's size asks for it."""
        self._change_owned("terminate_instance", instance_id=instance_id)

    def protect_instance(self, instance_id: str) -> None:
        """Shrinking passes it over."""
        self._change_owned("protect_instance", instance_id=instance_id)

    def unprotect_instance(self, instance_id: str) -> None:
        self._change_owned("unprotect_instance", instance_id=instance_id)

    # waiting

    def until_settled(self, domain: str, timeout: float = 300.0) -> Iterator[Progress]:
        """Go on until the domain is STABLE. BadRequest if its config or engine fails, Conflict if it is paused
        or goes away, Unavailable after `timeout` seconds."""
        return self._until(lambda: _settling(self.domain(domain)), f"{domain} is not STABLE", timeout)

    def until_removed(self, domain: str, timeout: float = 300.0) -> Iterator[Progress]:
        """Go on until its servers are deleted and its records forgotten."""

        def look() -> Progress:
            try:
                row = self.domain(domain)
            except NotFound:
                return Progress(f"{domain}: removed", is_end=True)
            left = sum(1 for i in row["instances"] if i["state"] < InstanceState.TERMINATED)
            return Progress(f"{domain}: {row['status']}, {left} instances left")

        return self._until(look, f"{domain} is not gone", timeout)

    def until_paused(self, domain: str, timeout: float = 300.0) -> Iterator[Progress]:
        def look() -> Progress:
            status = self.domain(domain)["status"]
            return Progress(f"{domain}: {status}", is_end=status == "PAUSED")

        return self._until(look, f"{domain} is not paused", timeout)

    def until_empty(self, timeout: float = 300.0) -> Iterator[Progress]:
        """For operators. Go on until no instance is left, and nothing of one that failed: of the owner's or, if
        none is named, of all owners'."""

        def look() -> Progress:
            left = sum(row["left"] for row in self.domains(all_owners=self._owner is None))
            return Progress(f"{left} instances left", is_end=left == 0)

        return self._until(look, "not all of it is terminated", timeout)

    def until_terminated(self, instance_id: str, timeout: float = 300.0) -> Iterator[Progress]:
        def look() -> Progress:
            try:
                state = self.instance(instance_id)["state"]
            except NotFound:
                return Progress(f"{instance_id}: forgotten", is_end=True)
            return Progress(f"{instance_id}: {state}", is_end=state >= InstanceState.TERMINATED)

        return self._until(look, f"{instance_id} is not terminated", timeout)

    def _until(self, look: Callable[[], Progress], lack: str, timeout: float) -> Iterator[Progress]:
        """Yield each new word of `look`, up to that of the end. A replica may die meanwhile: another answers."""
        deadline = time.monotonic() + timeout
        last: Progress | None = None
        while True:
            try:
                word = look()
            except Unavailable as error:
                word = Progress(f"no answer, waiting: {error}")
            if word != last:
                yield word
                last = word
            if word.is_end:
                return
            if time.monotonic() >= deadline:
                raise Unavailable(f"{lack} after {timeout:g} s ({word.text}); the work goes on")
            self._sleep(POLL)


def connect(
    data_dir: str | Path | None = None,
    config_file: str | Path | None = None,
    owner: str | None = None,
    as_user: str | None = None,
    timeout: float = PATIENCE,
) -> Client:
    """A client of the embedded cluster in `data_dir`, or of the one that `config_file` describes.

    Connects with the first call. BadRequest if there is no such file, or what it says makes no sense.
    """
    if (data_dir is None) == (config_file is None):
        raise BadRequest("give either data_dir or config_file")
    file = Path(data_dir) / "elastic.conf" if data_dir is not None else Path(config_file or "")
    said = _settings(file)

    # here, and not above: for whoever brings an RpcClient of his own, and for `elastic --help`
    from elastic.adapters.bus.address import checked_url
    from elastic.adapters.bus.rpc import KombuRpcClient

    return Client(KombuRpcClient(checked_url(said.bus.url), said.default.cluster), owner, as_user, timeout)


def is_embedded(config_file: str | Path) -> bool:
    """Whether it describes a cluster on this host alone, in a directory."""
    return bool(_settings(Path(config_file)).bus.url.startswith("sqlite"))


def _settings(file: Path) -> Any:
    from elastic.conf.settings import Settings, load

    return Settings.of(load([str(file)]))


def _given(args: Mapping[str, Json]) -> dict[str, Json]:
    """What was left open is not sent."""
    return {name: value for name, value in args.items() if value is not None}


def _settling(row: Row) -> Progress:
    name, status = row["name"], row["status"]
    if status == "ERROR":
        raise BadRequest(f"{name}: {_trouble(row['conditions']) or 'its config or engine fails'}")
    if status == "PAUSED":
        raise Conflict(f"{name} is paused: nothing is decided until `elastic domain resume {name}`")
    if status == "REMOVING":
        raise Conflict(f"{name} is being removed")
    running, desired = row["running"], row["desired"]
    told = f"{name}: {status}, {running} of {'?' if desired is None else desired} running"
    if trouble := _trouble(row["conditions"]):
        told += f" ({trouble})"
    return Progress(told, running, desired, is_end=status == "STABLE")


def _trouble(conditions: Sequence[Row]) -> str:
    """What the conditions say that is wrong, the engine's failure first."""
    bad = [
        c for c in conditions if c["status"] and c["type"] in ("EngineFailed", "Quarantined", "ProvisioningFailed")
    ]
    bad.sort(key=lambda c: c["type"] != "EngineFailed")
    return "; ".join(f"{c['reason']}: {c['text']}".strip(": ") for c in bad[:1])
