"""The agent's loop: look at the units, sign what was seen, send it; then wait until it is time, or asked."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from elastic.adapters.bus.ordering import read_order, unheeded
from elastic.adapters.bus.signing import sign
from elastic.errors import BadMessage, BusUnavailable
from elastic.model.heartbeat import DrainOrder, Heartbeat
from elastic.node.drain import Drain
from elastic.node.settings import Settings
from elastic.node.units import Report

JITTER = 0.1  # of the interval, either way: a thousand VMs booted at once are not to beat as one
LEAST_GAP = 0.2  # seconds between two heartbeats, however often we are asked
FIRST_GAP = 1.0  # seconds from the first heartbeat to the second; each gap is twice the last, up to the interval
DRAIN_GAP = 2.0  # seconds between two heartbeats at most, while we drain
MOST_ORDERS = 100  # that wait for the next heartbeat: the newest
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 30.0

log = logging.getLogger(__name__)


class Voice(Protocol):
    """Our end of the bus."""

    def start(self, on_ask: Callable[[], None], on_order: Callable[[bytes, str], None] = unheeded) -> None:
        """Call `on_ask`, in another thread, when the cluster asks for a heartbeat, and `on_order` with what came
        with that and its MAC; connect anew by itself."""

    def say(self, body: bytes, mac: str) -> None:
        """Returns when the bus has it; raises BusUnavailable, and may be called again then."""

    def stop(self) -> None: ...


class Bell(Protocol):
    """What `threading.Event` is."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def wait(self, timeout: float) -> bool: ...


class Mouth:
    """Heartbeats of one life of the agent, numbered and signed."""

    def __init__(self, settings: Settings, boot: str) -> None:
        self._settings = settings
        self._boot = boot
        self._seq = self._heeded = 0

    def heed(self, body: bytes, mac: str) -> DrainOrder:
        """The order, if it is ours, and no older than one that was heeded. BadMessage."""
        order = read_order(self._settings.key, body, mac)
        if order.instance_id != self._settings.instance_id or order.boot != self._boot:
            raise BadMessage("it is for another, or for an earlier life of ours")
        if order.seq < self._heeded:
            raise BadMessage("it is older than the last one")
        self._heeded = order.seq
        return order

    def say(self, report: Report, drain: str = "") -> tuple[bytes, str]:
        """The body as it goes out, and its MAC."""
        self._seq += 1
        settings = self._settings
        heartbeat = Heartbeat(
            node_id=settings.instance_id,
            owner=settings.owner,
            domain_id=settings.domain,
            boot=self._boot,
            seq=self._seq,
            state=report.state,
            error=report.error,
            failed_processes=[msgspec.to_builtins(failure) for failure in report.failures],
            metrics=report.metrics,
            work=report.work,
            drain=drain,
        )
        body = msgspec.json.encode(heartbeat)
        return body, sign(settings.key, body)


class Agent:
    """`interval`: seconds between heartbeats. A bus that is away costs patience, never the agent.

    A young one speaks more often: its first word may have reached nobody who can write down that it runs.
    """

    def __init__(
        self,
        mouth: Mouth,
        voice: Voice,
        look: Callable[[], Report],
        interval: float,
        drain: Drain | None = None,
        *,
        chance: random.Random | None = None,
        bell: Bell | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._mouth = mouth
        self._voice = voice
        self._look = look
        self._interval = interval
        self._gap = min(FIRST_GAP, interval)
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._bell = bell or threading.Event()
        self._monotonic = monotonic
        self._sleep = sleep
        self._failures = 0
        self._last_state = ""
        self._drain = drain
        self._orders: deque[tuple[bytes, str]] = deque(maxlen=MOST_ORDERS)

    def run(self) -> None:
        """Until the process is told to end."""
        self.listen()
        while True:
            self.turn()

    def listen(self) -> None:
        """Take asks and orders from now on."""
        self._voice.start(self._bell.set, lambda body, mac: self._orders.append((body, mac)))

    def turn(self) -> None:
        """One heartbeat, and the wait after it."""
        try:
            self.beat()
        except Exception as error:  # an agent that dies makes a healthy machine look dead
            self._back_off(error)
        else:
            self._wait()

    def beat(self) -> None:
        """One heartbeat. Raises BusUnavailable."""
        self._bell.clear()  # before the look: who asks during it is asking for a newer one
        self._obey()
        report, drain = self._look(), "" if self._drain is None else self._drain.state
        self._voice.say(*self._mouth.say(report, drain))
        if self._failures or report.state != self._last_state:
            log.info("told the cluster: %s%s", report.state, f" ({report.error})" if report.error else "")
        self._failures = 0
        self._last_state = report.state

    def _obey(self) -> None:
        """What was ordered since the last heartbeat, and how far it has come."""
        if self._drain is None:
            return
        for _ in range(len(self._orders)):
            try:
                order = self._mouth.heed(*self._orders.popleft())
            except BadMessage as fault:
                log.warning("an order was not obeyed: %s", fault)
            else:
                self._drain.order(order.drain, order.requeue)
        self._drain.look()

    def _wait(self) -> None:
        """Until the interval is over, or we are asked; while we drain, not for long: its end is to be told."""
        began = self._monotonic()
        interval = self._gap * self._chance.uniform(1 - JITTER, 1 + JITTER)
        if self._drain is not None and self._drain.is_moving:
            interval = min(interval, DRAIN_GAP)
        self._gap = min(2 * self._gap, self._interval)
        self._bell.wait(interval)
        self._sleep(max(0.0, began + min(interval, LEAST_GAP) - self._monotonic()))

    def _back_off(self, error: Exception) -> None:
        if not self._failures:
            surprise = None if isinstance(error, BusUnavailable) else error
            log.warning("no heartbeat went out, trying again: %s", error, exc_info=surprise)
        longest = max(FIRST_BACKOFF, min(self._interval, LONGEST_BACKOFF))
        pause = min(longest, FIRST_BACKOFF * 2 ** min(self._failures, 10))
        self._failures += 1
        self._sleep(pause * self._chance.uniform(0.5, 1.0))
