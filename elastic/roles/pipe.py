"""Proof that a heartbeat would reach us, partition by partition: silence counts only while it holds.

Each interval we send a probe the way a heartbeat of that partition comes. While the binding is confirmed and
probes come back, `watching_since` stands; else it moves on to now, and no silence before it is held against
anyone. Likewise when our own turns were too far apart: we were away, not they.

Probes come the way of the VMs, who may write there too: ours bear a word that is told to nobody.
"""

import logging
import re
from collections.abc import Iterable

from elastic.errors import BusUnavailable
from elastic.ports.bus import HeartbeatIn

log = logging.getLogger(__name__)

LIKE_A_PARTITION = re.compile("[0-9]{1,4}")
PROBES_MISSED = 2.5  # intervals without a probe before the pipe counts as broken


class Pipe:
    """All times are monotonic seconds. `returned` is called by the bus's thread, the rest by the control loop.
    `word`: one that nobody else can guess."""

    def __init__(self, heartbeats: HeartbeatIn, member: str, interval: float, word: str = "") -> None:
        self._heartbeats, self._member, self.interval, self._word = heartbeats, member, interval, word
        self._since: dict[int, float] = {}
        self._sent: dict[int, float] = {}
        self._back: dict[int, float] = {}
        self._last_turn: float | None = None

    @property
    def doubt(self) -> float:
        return PROBES_MISSED * self.interval

    def watching_since(self, partition: int, now: float) -> float:
        return self._since.get(partition, now)

    def returned(self, body: bytes, now: float) -> bool:
        """A probe came back: ours, or that of the member before us (then it says nothing). False: one that bears
        our name, and that we did not send."""
        member, _, rest = body.decode("utf-8", "replace").partition("/")
        word, _, partition = rest.rpartition("/")
        if member != self._member:
            return True
        if word != self._word or LIKE_A_PARTITION.fullmatch(partition) is None:
            return False
        self._back[int(partition)] = now
        return True

    def turn(self, partitions: Iterable[int], now: float) -> None:
        """See that each of these is watched; forget all others."""
        wanted = set(partitions)
        for known in (self._since, self._sent, self._back):
            for partition in known.keys() - wanted:
                known.pop(partition, None)
        was_away = self._last_turn is not None and now - self._last_turn > 2 * self.interval
        self._last_turn = now
        bound = self._heartbeats.bound()
        for partition in wanted:
            is_new = partition not in self._since
            if is_new or was_away or partition not in bound or not self._is_proved(partition, now):
                self._since[partition] = now
            if partition in bound and now - self._sent.get(partition, -1e9) >= self.interval:
                self._probe(partition, now)

    def _is_proved(self, partition: int, now: float) -> bool:
        back = self._back.get(partition)
        return back is not None and now - back <= PROBES_MISSED * self.interval

    def _probe(self, partition: int, now: float) -> None:
        try:
            self._heartbeats.probe(partition, f"{self._member}/{self._word}/{partition}".encode())
        except BusUnavailable as trouble:
            log.debug("no probe for partition %d: %s", partition, trouble)
            return
        self._sent[partition] = now
