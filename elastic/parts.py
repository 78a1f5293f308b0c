"""The parts that a configuration names: which store, which cloud, which bus.

Nothing is started or joined here; a store or a cloud that cannot be used at all is refused in one line.
"""

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stevedore import DriverManager
from stevedore.exception import NoMatches

from elastic.adapters.blackbox import BlackBox
from elastic.adapters.bus.kombu import KombuHeartbeats, KombuOutgoing, KombuPeers, KombuRpcServer
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.lastheard import MemoryLastHeard
from elastic.adapters.membership.sqlite import SqliteElection
from elastic.adapters.membership.tooz import ToozGroup
from elastic.adapters.store.sqlite import SqliteStore
from elastic.adapters.workers import ThreadWorkers
from elastic.assembly import Parts, Tuning
from elastic.conf import secret
from elastic.conf.settings import Settings
from elastic.engines import installed_engines
from elastic.errors import BadRequest
from elastic.ports.cloud import Cloud
from elastic.rules.caution import BrakePolicy


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A replica's parts, and those that its process starts and stops itself."""

    parts: Parts
    rpc: KombuRpcServer
    heartbeats: KombuHeartbeats
    peers: KombuPeers
    outgoing: KombuOutgoing
    store: SqliteStore
    workers: ThreadWorkers


def plant(settings: Settings) -> Plant:
    """Make them. BadRequest says which option names what cannot be had."""
    default, bus = settings.default, settings.bus.url
    clock, workers = SYSTEM_CLOCK, ThreadWorkers(settings.cloud.workers)
    store = _store(settings)
    ttl = settings.coordination.session_timeout
    run_dir = Path(default.run_dir)
    heartbeats = KombuHeartbeats(bus, default.cluster, default.member, store.layout().partitions)
    outgoing = KombuOutgoing(bus, default.cluster)
    peers = KombuPeers(bus, default.cluster, default.member)
    parts = Parts(
        member=default.member,
        cluster=default.cluster,
        secret=secret.read(Path(default.secret_file)),
        clock=clock,
        fresh_id=lambda: uuid.uuid4().hex,
        store=store,
        group=ToozGroup(
            settings.coordination.backend_url,
            f"{default.cluster}.members",
            default.member,
            {},
            clock,
            ttl,
            run_dir,
        ),
        election=SqliteElection(store, default.member, clock, ttl, run_dir),
        cloud=_cloud(settings),
        workers=workers,
        heartbeats=heartbeats,
        outgoing=outgoing,
        peers=peers,
        lastheard=MemoryLastHeard(),
        notebook=BlackBox(run_dir / f"{default.member}.visit"),
        engines=installed_engines(),
        tuning=tuning(settings),
        operators=None if _is_embedded(settings) else settings.rpc.operators,
        node={"bus": bus},
        host=socket.gethostname(),
        pid=os.getpid(),
    )
    rpc = KombuRpcServer(bus, default.cluster)
    return Plant(
        parts=parts,
        rpc=rpc,
        heartbeats=heartbeats,
        peers=peers,
        outgoing=outgoing,
        store=store,
        workers=workers,
    )


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
        settle=settings.cloud.settle,
        cloud_timeout=settings.cloud.timeout,
        creates_at_once=settings.cloud.workers,
        resync=settings.default.resync,
        brake=BrakePolicy(brake.unhealthy_share, brake.unhealthy_min, brake.trickle),
        site_brake_count=brake.site_min,
    )


def _is_embedded(settings: Settings) -> bool:
    """Whoever may write in the directory is trusted: everyone is an operator."""
    return settings.bus.url.startswith("sqlite+elastic:")


def _store(settings: Settings) -> SqliteStore:
    place = urlsplit(settings.store.url)
    if place.scheme != "sqlite":
        raise BadRequest(
            f"[store] url: a store {place.scheme}:// is not built in yet; use sqlite:////path/of/file"
        )
    return SqliteStore("/" + place.path.lstrip("/"), settings.coordination.partitions)


def _cloud(settings: Settings) -> Cloud:
    """By the name of its entry point under `elastic.clouds`."""
    driver = settings.cloud.driver
    try:
        found = DriverManager("elastic.clouds", driver, invoke_on_load=False)
    except NoMatches:
        raise BadRequest(f"[cloud] driver: there is no cloud {driver!r} installed") from None
    cloud: Cloud = found.driver(settings.cloud.local_dir if driver == "local" else SYSTEM_CLOCK)
    return cloud
