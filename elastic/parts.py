"""The parts that a configuration names: which store, which cloud, which bus.

Nothing is started or joined here; a store or a cloud that cannot be used at all is refused in one line.
"""

import os
import socket
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stevedore import DriverManager
from stevedore.exception import NoMatches

from elastic.adapters.blackbox import BlackBox
from elastic.adapters.bus.address import checked_url, is_sqlite
from elastic.adapters.bus.kombu import KombuHeartbeats, KombuOutgoing, KombuPeers, KombuRpcServer
from elastic.adapters.bus.listener import Served
from elastic.adapters.bus.login import check_login
from elastic.adapters.bus.topology import heartbeats_name
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.cloud.place import CloudPlace
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.membership.name import MemberName, NamedGroup
from elastic.adapters.membership.sqlite import SqliteElection
from elastic.adapters.membership.tooz import ToozGroup
from elastic.adapters.membership.tooz_zookeeper import SCHEMES as ZOOKEEPER
from elastic.adapters.membership.tooz_zookeeper import ZookeeperDriver, address_of
from elastic.adapters.membership.zookeeper import ZookeeperElection
from elastic.adapters.sensor import installed_sensors
from elastic.adapters.sensor.gate import UrlGate
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.sqlite import SqliteStore
from elastic.adapters.store.zookeeper import ZookeeperStore
from elastic.adapters.workers import ThreadWorkers
from elastic.assembly import Parts
from elastic.conf import secret
from elastic.conf.settings import Settings
from elastic.engines import installed_engines
from elastic.errors import BadRequest
from elastic.ports.cloud import Cloud
from elastic.ports.membership import Election, Group
from elastic.ports.store import Store
from elastic.rules.caution import BrakePolicy
from elastic.tuning import Tuning


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A replica's parts, what serves its clients, and all that has a loop of its own on the bus."""

    parts: Parts
    rpc: KombuRpcServer
    loops: Mapping[str, Served]
    name: MemberName | None = None

    def claimed(self) -> "Plant":
        """Itself, once no other process of the cluster has our name. Conflict, or StoreUnavailable: not yet."""
        if self.name is not None:
            self.name.take()
        return self


def plant(settings: Settings) -> Plant:
    """Make them. BadRequest says which option names what cannot be had."""
    default, bus, bus_of_vms = settings.default, checked_url(settings.bus.url), _bus_of_vms(settings)
    check_login(bus)
    store, run_dir = _store(settings), Path(default.run_dir)
    name = _name(store, settings)
    rpc, peers = KombuRpcServer(bus, default.cluster), KombuPeers(bus, default.cluster, default.member)
    heartbeats = KombuHeartbeats(bus, default.cluster, default.member, store.layout().partitions)
    parts = Parts(
        member=default.member,
        cluster=default.cluster,
        secret=secret.read(Path(default.secret_file)),
        clock=SYSTEM_CLOCK,
        fresh_id=lambda: uuid.uuid4().hex,
        store=store,
        group=_group(name, settings),
        election=_election(store, settings),
        cloud=_cloud(settings),
        workers=ThreadWorkers(settings.cloud.workers),
        heartbeats=heartbeats,
        outgoing=KombuOutgoing(bus, default.cluster),
        peers=peers,
        lastheard=MemoryLastHeard(),
        notebook=BlackBox(run_dir / f"{default.member}.visit"),
        engines=installed_engines(),
        sensors=installed_sensors(),
        gate=UrlGate(settings.sensors.allow),
        tuning=tuning(settings),
        operators=operators(settings),
        node={"bus": bus_of_vms, "exchange": heartbeats_name(default.cluster)},
        host=socket.gethostname(),
        pid=os.getpid(),
    )
    loops = {"rpc": rpc, "heartbeats": heartbeats, "peers": peers}
    return Plant(parts=parts, rpc=rpc, loops=loops, name=name)


def tuning(settings: Settings) -> Tuning:
    brake = settings.brake
    return Tuning(
        session_timeout=settings.coordination.session_timeout,
        debounce=settings.coordination.debounce,
        decide=settings.decider.interval,
        budget=settings.decider.budget,
        survey=settings.doctor.interval,
        probe=settings.doctor.probe,
        sweep=settings.reaper.interval,
        grace=settings.reaper.grace,
        record_max_age=settings.reaper.record_max_age,
        sense=settings.sensors.interval,
        sensor_timeout=settings.sensors.timeout,
        settle=settings.cloud.settle,
        cloud_timeout=settings.cloud.timeout,
        creates_at_once=settings.cloud.workers,
        launches_per_minute=settings.cloud.launches_per_minute,
        resync=settings.default.resync,
        brake=BrakePolicy(brake.unhealthy_share, brake.unhealthy_min, brake.trickle),
        site_brake_count=brake.site_min,
    )


def operators(settings: Settings) -> Collection[str] | None:
    """Null: everyone is one. So it is in an embedded cluster: whoever may write in its directory is trusted."""
    return None if settings.bus.url.startswith("sqlite+elastic:") else settings.rpc.operators


def _bus_of_vms(settings: Settings) -> str:
    """A VM may be broken into, and then its account at the broker is known."""
    said = settings.bus
    if said.vm_url is not None:
        return checked_url(said.vm_url, "[bus] vm_url")
    if settings.cloud.driver == "openstack" and not is_sqlite(said.url):
        raise BadRequest(
            "[bus] vm_url: has to be given, with the VMs' own account: they must not have the replicas'"
        )
    return said.url


def _store(settings: Settings) -> Store:
    """By its URL's scheme, which is the name of an entry point under `elastic.stores`."""
    said = settings.store
    place = StorePlace(
        said.url,
        settings.coordination.partitions,
        settings.default.cluster,
        settings.coordination.session_timeout,
        said.insecure,
    )
    store: Store = _driver("elastic.stores", urlsplit(said.url).scheme, "[store] url").at(place)
    return store


def _group(name: MemberName | None, settings: Settings) -> Group:
    default, said = settings.default, settings.coordination
    url = said.backend_url
    scheme = urlsplit(url).scheme
    _driver("tooz.backends", scheme, "[coordination] backend_url")
    if scheme in ZOOKEEPER:
        address_of(url)
    group = ToozGroup(
        url,
        f"{default.cluster}.members",
        default.member,
        {"release": version("elastic")},
        SYSTEM_CLOCK,
        said.session_timeout,
        Path(default.run_dir),
        partial(ZookeeperDriver, url, default.cluster) if scheme in ZOOKEEPER else None,
    )
    return group if name is None else NamedGroup(group, name)


def _name(store: Store, settings: Settings) -> MemberName | None:
    """None where the members of a cluster are on one host: its file locks hold their names."""
    if not isinstance(store, ZookeeperStore):
        return None
    member, session = settings.default.member, settings.coordination.session_timeout
    return MemberName(store.session, member, SYSTEM_CLOCK, session, (socket.gethostname(), os.getpid()))


def _election(store: Store, settings: Settings) -> Election:
    """Who holds a role's lock is known where the store is: it has to check that with every write."""
    member, ttl = settings.default.member, settings.coordination.session_timeout
    if isinstance(store, SqliteStore):
        return SqliteElection(store, member, SYSTEM_CLOCK, ttl, Path(settings.default.run_dir))
    if isinstance(store, MemoryStore):
        return MemoryElection(store, member, SYSTEM_CLOCK, ttl)
    if isinstance(store, ZookeeperStore):
        return ZookeeperElection(store.session, member)
    raise BadRequest(f"[store] url: nobody can be elected in a {type(store).__name__}")


def _cloud(settings: Settings) -> Cloud:
    """By the name of its entry point under `elastic.clouds`."""
    said = settings.cloud
    place = CloudPlace(
        clock=SYSTEM_CLOCK,
        timeout=said.timeout,
        workers=said.workers,
        clouds=said.clouds,
        clouds_file=said.clouds_file,
        rate=said.requests_per_second,
        local_dir=said.local_dir,
        options=said.options,
    )
    cloud: Cloud = _driver("elastic.clouds", said.driver, "[cloud] driver").at(place)
    return cloud


def _driver(namespace: str, name: str, option: str) -> Any:
    try:
        return DriverManager(namespace, name).driver
    except NoMatches:
        known = ", ".join(sorted({entry.name for entry in entry_points(group=namespace)}))
        raise BadRequest(f"{option}: {name!r} is not among those installed: {known}") from None
    except ImportError as lack:
        raise BadRequest(f"{option}: {name!r} lacks what it stands on: {lack}") from None
