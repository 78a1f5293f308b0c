"""The agent inside a server: a heartbeat each two seconds, at once when asked."""

from functools import partial

from elastic.adapters.bus.topology import REPLY_PREFIX
from elastic.model.server import Server
from elastic.ports.bus import Pulse
from tests.scenario.world import Speech
from tests.simulation.bus import Bus

INTERVAL = 2.0  # seconds


class Vm:
    """`is_silent`: its agent died. `is_muted`: the agent is well, and its words reach nobody."""

    def __init__(self, bus: Bus, server: Server) -> None:
        self._speech = speech = Speech(server)
        self.server_id, self.instance_id, self.key = speech.server_id, speech.instance_id, speech.key
        self.state, self.error = "OK", None
        self.is_silent = self.is_muted = self.is_over = False
        self._bus = bus
        self._address = f"{REPLY_PREFIX}{self.server_id}"
        bus.asked[self._address] = self.beat
        self._bus.kernel.at(bus.chance.uniform(0.0, INTERVAL), self._live)

    def _live(self) -> None:
        if not self.is_over:
            self.beat()
            self._bus.kernel.at(INTERVAL, self._live)

    def beat(self) -> None:
        if self.is_silent or self.is_muted or self.is_over:
            return
        slot = self._speech.slot
        pulse = Pulse(*self._speech.beat(self.state, self.error), slot, self._address)
        self._bus.kernel.at(0.0, partial(self._bus.publish, slot, pulse))

    def end(self) -> None:
        self.is_over = True
        self._bus.asked.pop(self._address, None)
