"""A replica from its start to its end: waits for what it needs, lives until a signal, hands over."""

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from oslo_config import cfg

from elastic import logs
from elastic.adapters.beat import Beat
from elastic.adapters.membership.alive import AliveLock
from elastic.agent import Agent
from elastic.assembly import assemble
from elastic.conf import settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest, Unavailable
from elastic.metrics.counting import CountedCloud, counted
from elastic.metrics.server import Metrics
from elastic.parts import Plant, operators, plant, tuning
from elastic.replica.health import Health
from elastic.replica.initial import Initial
from elastic.replica.lifeline import Lifeline
from elastic.replica.living import Living
from elastic.replica.notify import Notify
from elastic.replica.signals import Signals

log = logging.getLogger(__name__)

STOPPED, HUNG_ON_STOP = 0, 72
_LOOK = 0.25  # seconds between two looks at the loops
_STOP = 8.0  # seconds for a clean stop; the store's own end may take two more
_ORPHAN = 2.5  # seconds from our supervisor's end to ours
_RETRY = 1.0  # seconds between two tries of what is down
_TELL = 10.0  # seconds between two words about it


def run_replica(
    conf: cfg.ConfigOpts, member: str, parent_pipe: int | None = None, log_file: str | None = None
) -> int:
    """Be the replica `member` until a signal, or our supervisor's end, says stop; return the exit code.

    Raises BadRequest or Conflict if it cannot begin however long it waits. To be called in the main thread
    of a process that ends when it returns: threads that hang are left to that end.
    """
    logs.setup(conf, member, log_file)
    faulthandler.register(signal.SIGUSR1)  # shows on stderr what each thread is at
    run_dir = _made(Path(Settings.of(conf).default.run_dir))
    AliveLock(run_dir, member).acquire()  # held until the process ends
    with Signals([signal.SIGTERM, signal.SIGINT], [signal.SIGHUP]) as signals:
        if parent_pipe is not None:
            Lifeline(parent_pipe, _orphaned).watch()
        process = _Process(conf, signals, Beat(run_dir / f"{member}.beat"))
        planted = process.wait_for_parts()
        return STOPPED if planted is None else process.live(planted)


def _made(run_dir: Path) -> Path:
    try:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as trouble:
        raise BadRequest(f"[DEFAULT] run_dir: {run_dir}: {trouble.strerror}") from trouble
    return run_dir


def _orphaned() -> None:
    """Stop as by a signal, but soon: the next supervisor may be waiting for us to be gone."""
    log.warning("our supervisor is gone: this replica stops")
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_ORPHAN)
    os._exit(HUNG_ON_STOP)


class _Process:
    def __init__(self, conf: cfg.ConfigOpts, signals: Signals, beat: Beat) -> None:
        self._conf = conf
        self._signals = signals
        self._beat = beat
        self._notify = Notify()

    def wait_for_parts(self) -> Plant | None:
        """The parts, once what they stand on answers and our name is ours; None if a signal says stop."""
        planted = self._waited_for(lambda: plant(Settings.of(self._conf)))
        if planted is None:
            return None
        claimed = self._waited_for(planted.claimed)
        if claimed is None:
            planted.parts.store.close()
        return claimed

    def _waited_for(self, make: Callable[[], Plant]) -> Plant | None:
        told = -_TELL
        while not self._signals.stops:
            planting = self._begun(make)
            while not (planting.done() or self._signals.stops):
                self._alive(time.monotonic())
                self._signals.wait(_LOOK)
            if self._signals.stops:
                break
            try:
                return planting.result()
            except Unavailable as trouble:
                now = time.monotonic()
                if now - told >= _TELL:
                    told = now
                    log.warning("waiting: %s", trouble)
            self._signals.wait(_RETRY)
        return None

    def _begun(self, make: Callable[[], Plant]) -> "Future[Plant]":
        """In a thread: what is down may keep us longer than a signal to stop can wait."""
        planting: Future[Plant] = Future()

        def work() -> None:
            try:
                planting.set_result(make())
            except BaseException as fault:
                planting.set_exception(fault)
            self._signals.wake()

        threading.Thread(target=work, name="plant", daemon=True).start()
        return planting

    def live(self, planted: Plant) -> int:
        said = Settings.of(self._conf)
        initial = Initial.of(said)
        session = said.coordination.session_timeout
        metrics = Metrics(lambda: health.picture(), lambda: health.ailments())
        cloud = CountedCloud(planted.parts.cloud, metrics.counts)
        agent = assemble(replace(planted.parts, cloud=cloud))
        living = Living(agent, session, self._say_ready, self._alive)
        health = Health(agent, living, session / 2, planted.loops)
        metrics.serve(said.metrics.listen)
        planted.parts.heartbeats.start(agent.reactor.hear)
        planted.parts.peers.start(agent.reactor.answer_peer, agent.hear_peer)
        planted.rpc.start(counted(agent.reactor.handle, metrics.counts))
        living.start()
        initial.load(agent.reactor.handle)
        self._watch(living, agent)
        log.info("asked to stop")
        self._notify.stopping()
        return self._end(planted, living)

    def _watch(self, living: Living, agent: Agent) -> None:
        """Until a signal says stop."""
        rereads = 0
        while not self._signals.stops:
            living.look()
            if self._signals.seen[signal.SIGHUP] != rereads:
                rereads = self._signals.seen[signal.SIGHUP]
                self._reread(agent)
            self._signals.wait(_LOOK)

    def _reread(self, agent: Agent) -> None:
        try:
            said = settings.reread(self._conf)
        except BadRequest as refusal:
            log.error("the configuration stays as it was: %s", refusal)
            return
        agent.retune(tuning(said))
        agent.reactor.operators = operators(said)
        log.info("the configuration was read again")

    def _end(self, planted: Plant, living: Living) -> int:
        """First nothing new comes in, then the turn is finished, then we leave."""
        deadline = time.monotonic() + _STOP
        closing = threading.Thread(target=planted.rpc.stop, name="close", daemon=True)
        closing.start()
        if not living.stop(_STOP - 1.0):
            log.error("what was under way does not end: this process ends without it")
            return HUNG_ON_STOP
        closing.join(max(0.0, deadline - 1.0 - time.monotonic()))
        planted.parts.store.close()  # with its session what hangs on it goes now: our seats, our name
        return STOPPED

    def _alive(self, now: float) -> None:
        self._beat.renew(now)
        self._notify.alive(now)

    def _say_ready(self) -> None:
        log.info("in the ring")
        self._notify.ready()
        with contextlib.suppress(OSError):  # whoever started us may have stopped listening
            os.write(sys.stdout.fileno(), b"ready\n")
