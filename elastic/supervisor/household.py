"""An embedded cluster, put together: directory, lock, configuration, replicas, events, and the end of it all."""

import logging
import signal
import sys
from functools import partial
from pathlib import Path

from elastic.adapters.cloud.local import LocalCloud
from elastic.adapters.store.sqlite import SqliteStore
from elastic.conf import embedded, settings
from elastic.conf.places import absolute
from elastic.conf.settings import Settings
from elastic.errors import CloudUnavailable
from elastic.ports.store import JournalRecords
from elastic.replica.signals import Signals
from elastic.supervisor import directory, leftover
from elastic.supervisor.child import Child
from elastic.supervisor.directory import Ground
from elastic.supervisor.life import Recipe
from elastic.supervisor.relay import Stderr, follow, log_to
from elastic.supervisor.teller import Stdout, Teller
from elastic.supervisor.watch import GENTLE, Watch

log = logging.getLogger(__name__)

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # the last: our terminal has closed
_LAST_WORDS = 0.5  # seconds for the events of the stop itself
_LAST_SERVERS = 2.5  # seconds for the servers to end


def run(path: Path, replicas: int, cloud: str | None) -> None:
    """Keep a cluster of `replicas` going in the directory `path` until a signal says stop.

    BadRequest, Conflict or Unavailable say in one line why it cannot be, cannot begin or cannot go on.
    """
    path = embedded.checked(absolute(path).resolve())
    changed = directory.prepare(path)
    with directory.held(path), Signals(_STOPPING, [signal.SIGCHLD]) as signals:
        stderr = Stderr()
        log_to(stderr, path / "log" / "supervisor.log")
        for line in changed:
            log.warning(line)
        config = embedded.write(path, replicas, cloud)
        for pid in leftover.clear(config):
            log.warning("a replica of an earlier run did not end by itself: pid %s is killed", pid)
        conf = Settings.of(settings.load([str(config)]))
        children = [
            Child(_recipe(path, config, conf, n + 1), partial(follow, stderr=stderr)) for n in range(replicas)
        ]
        store = SqliteStore(path / "store.db")
        ground = Ground(path, path / "cloud", path / "store.db", [config, path / "secret"])
        try:
            _keep(children, signals, store, ground)
        finally:
            store.close()
            if ground.is_gone:
                leftover.end_servers(conf.cloud.local_dir)
        if conf.cloud.driver == "local":
            _end_servers(LocalCloud(conf.cloud.local_dir))
        else:
            log.info("the cluster has stopped; servers that it has in the cloud stay there until it runs again")


def _recipe(path: Path, config: Path, conf: Settings, number: int) -> Recipe:
    member = f"r{number}"
    # -P: a directory that happens to be called `elastic`, where we were started, is not our package
    command = [sys.executable, "-P", "-m", "elastic.cli.agent", "--config-file", str(config), "--member", member]
    command += ["--log-file", str(path / "log" / f"{member}.log")]
    return Recipe(member, command, path / "run" / f"{member}.beat", 2 * conf.coordination.session_timeout)


def _keep(children: list[Child], signals: Signals, journal: JournalRecords, ground: Ground) -> None:
    """Returns after a stop that was asked for, or raises; then nothing of the cluster is left but its servers."""
    said_before = journal.events(count=1)
    out = Stdout()
    teller = Teller(journal.events, out.say, after=said_before[-1].seq if said_before else 0)

    def ready() -> None:
        out.say("ready")
        teller.start()

    watch = Watch(children, signals, ready, ground.check)
    try:
        watch.run()
    finally:
        watch.stop(0.0 if ground.is_gone else GENTLE)  # they would write in a place that is no longer ours
        teller.stop(_LAST_WORDS)


def _end_servers(cloud: LocalCloud) -> None:
    """A clean stop ends what it had started. Whoever is killed ends nothing."""
    try:
        ended = cloud.stop_all(_LAST_SERVERS)
        log.info("the cluster has stopped, %d servers with it", ended)
    except CloudUnavailable as trouble:
        log.warning("the cluster has stopped; of its servers some may be left: %s", trouble)
