"""The agent inside a server: a heartbeat each two seconds, at once when asked."""

from functools import partial

import msgspec

from elastic.adapters.bus.signing import instance_key, sign
from elastic.adapters.bus.topology import REPLY_PREFIX
from elastic.model.heartbeat import Heartbeat
from elastic.model.server import Server
from elastic.ports.bus import Pulse
from elastic.rules.ring import slot_of
from tests.simulation.bus import Bus

SECRET = b"a secret of thirty-two characters"
INTERVAL = 2.0  # seconds


class Vm:
    """`is_silent`: its agent died. `is_muted`: the agent is well, and its words reach nobody."""

    def __init__(self, bus: Bus, server: Server) -> None:
        self.server_id, self.instance_id, self.key = server.server_id, server.mark.instance_id, server.mark.key
        self.state, self.error = "OK", None
        self.is_silent = self.is_muted = self.is_over = False
        self._bus, self._seq = bus, 0
        self._slot = slot_of(self.key)
        self._signing = instance_key(SECRET, self.instance_id)
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
        self._seq += 1
        beat = Heartbeat(
            node_id=self.instance_id,
            owner=self.key.owner,
            domain_id=self.key.name,
            boot=self.server_id,
            seq=self._seq,
            state=self.state,
            error=self.error,
        )
        body = msgspec.json.encode(beat)
        pulse = Pulse(body, sign(self._signing, body), self._slot, self._address)
        self._bus.kernel.at(0.0, partial(self._bus.publish, self._slot, pulse))

    def end(self) -> None:
        self.is_over = True
        self._bus.asked.pop(self._address, None)
