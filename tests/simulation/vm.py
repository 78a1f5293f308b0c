"""The agent inside a server: a heartbeat each two seconds, at once when asked, with what it has in hand."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from elastic.adapters.bus.signing import instance_key
from elastic.adapters.bus.topology import REPLY_PREFIX
from elastic.errors import BadMessage
from elastic.model.server import Server
from elastic.model.states import Health
from elastic.node.agent import Mouth
from elastic.node.settings import Settings
from elastic.node.units import Report
from elastic.ports.bus import Pulse
from elastic.rules.ring import slot_of
from tests.scenario.world import SECRET
from tests.simulation.bus import Bus
from tests.simulation.labour import Labour

log = logging.getLogger(__name__)

INTERVAL = 2.0  # seconds


def nothing() -> Mapping[str, Any]:
    return {}


class Vm:
    """`is_silent`: its agent died. `is_muted`: the agent is well; its words reach nobody, nor do ours reach it.
    `labour`: null where it has nothing to do and takes no orders; `numbers`: its metrics."""

    def __init__(
        self,
        bus: Bus,
        server: Server,
        labour: Labour | None = None,
        numbers: Callable[[], Mapping[str, Any]] = nothing,
    ) -> None:
        mark = server.mark
        assert mark is not None
        self.server_id, self.instance_id, self.key = server.server_id, mark.instance_id, mark.key
        self.state, self.error = "OK", None
        self.is_silent = self.is_muted = self.is_over = False
        self.labour, self._numbers = labour, numbers
        self._bus, self._slot = bus, slot_of(mark.key)
        self._mouth = Mouth(self._settings(), boot=server.server_id)
        self._address = f"{REPLY_PREFIX}{self.server_id}"
        bus.asked[self._address] = self.asked
        self._bus.kernel.at(bus.chance.uniform(0.0, INTERVAL), self._live)

    def _settings(self) -> Settings:
        return Settings(
            bus="simulated",
            cluster="test",
            slot=self._slot,
            instance_id=self.instance_id,
            owner=self.key.owner,
            domain=self.key.name,
            key=instance_key(SECRET, self.instance_id),
        )

    def _live(self) -> None:
        if not self.is_over:
            self.beat()
            self._bus.kernel.at(INTERVAL, self._live)

    @property
    def is_reached(self) -> bool:
        return not (self.is_silent or self.is_muted or self.is_over)

    def asked(self, order: bytes, mac: str) -> None:
        if order and self.labour is not None and self.is_reached:
            self._obey(self.labour, order, mac)
        self.beat()

    def _obey(self, labour: Labour, order: bytes, mac: str) -> None:
        try:
            labour.obey(self._mouth.heed(order, mac))
        except BadMessage as fault:
            self._bus.kernel.met["an order was not obeyed"] += 1
            log.info("%s: %s", self.instance_id, fault)

    def beat(self) -> None:
        if not self.is_reached:
            return
        labour = self.labour
        report = Report(
            Health(self.state),
            self.error,
            metrics=self._numbers(),
            work=None if labour is None else labour.work,
        )
        said = self._mouth.say(report, "" if labour is None else labour.now.drain)
        pulse = Pulse(*said, self._slot, self._address)
        self._bus.kernel.at(0.0, partial(self._bus.publish, self._slot, pulse))

    def end(self) -> None:
        self.is_over = True
        self._bus.asked.pop(self._address, None)
