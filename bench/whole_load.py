"""Plays the guests of a bench's cloud: each says that it is well, once an interval, evenly spread.

    python -m bench.whole_load --cloud SOCKET --bus URL --cluster NAME --secret FILE

All speak through one connection, and their frames are put together here: a VM each, with a connection each, would
cost this host more than what is measured. So the broker has fewer connections to look after than in earnest. An
ask that comes back cannot be told from one guest to the next; it is counted.
"""

import argparse
import heapq
import os
import random
import select
import struct
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp

from bench.cloud import SILENT, Load, RemoteCloud, Word
from elastic.adapters.bus import topology, wire
from elastic.adapters.bus.signing import instance_key, sign
from elastic.conf import secret
from elastic.rules.ring import slot_of

TICK, NEWS, REPORT = 0.02, 0.05, 1.0  # seconds
AT_ONCE = 1000  # heartbeats
TTL = str(int(topology.HEARTBEAT_SECONDS * 1000)).encode()


class Guest:
    """One VM: its place on the bus, what it says, and how often it has spoken."""

    __slots__ = ("begin", "end", "key", "publish", "seq")

    def __init__(self, word: Word, key: str, publish: bytes) -> None:
        boot = os.urandom(8).hex()
        self.begin = (
            f'{{"node_id":"{word.instance_id}","owner":"{word.key.owner}","domain_id":"{word.key.name}",'
            f'"boot":"{boot}","seq":'
        ).encode()
        self.key, self.publish, self.seq = key, publish, 0
        self.tell(word.state)

    def tell(self, state: str) -> None:
        self.end = b"}" if state == "OK" else f',"state":"{state}"}}'.encode()

    def frames(self) -> bytes:
        self.seq += 1
        body = self.begin + str(self.seq).encode() + self.end
        return self.publish + header(body, sign(self.key, body).encode()) + frame(3, body)


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, 1, len(payload)) + payload + b"\xce"


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def publish(exchange: str, slot: int) -> bytes:
    """basic.publish"""
    return frame(1, struct.pack(">HHH", 60, 40, 0) + short(exchange.encode()) + short(str(slot).encode()) + b"\0")


# content type and encoding, headers, delivery mode, reply-to, expiration
FLAGS = 1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 9 | 1 << 8
BEFORE_MAC = short(b"application/json") + short(b"utf-8") + struct.pack(">I", 1 + 3 + 1 + 4 + 64)
BEFORE_MAC += short(wire.MAC_HEADER.encode()) + b"S" + struct.pack(">I", 64)
AFTER_MAC = b"\x01" + short(topology.DIRECT_REPLY.encode()) + short(TTL)


def header(body: bytes, mac: bytes) -> bytes:
    return frame(2, struct.pack(">HHQH", 60, 0, len(body), FLAGS) + BEFORE_MAC + mac + AFTER_MAC)


class Line:
    """The connection to the broker."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._connection = amqp.Connection(
            f"{place.hostname}:{place.port}", place.username, place.password, virtual_host=unquote(place.path[1:])
        )
        self._connection.connect()
        channel = self._connection.channel(1)
        channel.basic_consume(topology.DIRECT_REPLY, no_ack=True, callback=self._ask)
        self.asked = 0

    def send(self, data: bytes) -> None:
        self._connection.transport.sock.sendall(data)

    def listen(self) -> None:
        while select.select([self._connection.transport.sock], [], [], 0)[0]:
            self._connection.drain_events(timeout=1)

    def _ask(self, _message: Any) -> None:
        self.asked += 1


class Guests:
    def __init__(self, cloud: RemoteCloud, line: Line, cluster: str, secret_of_cluster: bytes) -> None:
        self._cloud, self._line, self._secret = cloud, line, secret_of_cluster
        self._exchange = topology.heartbeat_exchange(cluster).name
        self._publish: dict[int, bytes] = {}
        self._guests: dict[str, Guest] = {}  # by server
        self._due: list[tuple[float, str]] = []
        self._heard = 0
        self._interval = 10.0
        self._chance = random.Random(1)
        self.sent, self.late = 0, 0.0

    @property
    def load(self) -> Load:
        return Load(guests=len(self._guests), sent=self.sent, late=self.late, asked=self._line.asked)

    def learn(self, now: float) -> None:
        interval, words = self._cloud.words(self._heard)
        if interval != self._interval:
            self._interval = interval
            self._due = [(now + self._chance.uniform(0, interval), f"{name}.") for name in self._guests]
            heapq.heapify(self._due)
        self._heard += len(words)
        for word in words:
            self._learn(word, now)

    def _learn(self, word: Word, now: float) -> None:
        if word.state == SILENT:
            self._guests.pop(word.server_id, None)
        elif (guest := self._guests.get(word.server_id)) is not None:
            guest.tell(word.state)
            self._line.send(guest.frames())
            self.sent += 1
        else:
            slot = slot_of(word.key)
            frames = self._publish.setdefault(slot, publish(self._exchange, slot))
            key = instance_key(self._secret, word.instance_id)
            self._guests[word.server_id] = Guest(word, key, frames)
            heapq.heappush(self._due, (now, word.server_id))  # its first word, and then at a time of its own
            heapq.heappush(self._due, (now + self._chance.uniform(1, 1 + self._interval), word.server_id + "."))

    def speak(self, now: float) -> None:
        frames: list[bytes] = []
        while self._due and self._due[0][0] <= now and len(frames) < AT_ONCE:
            at, name = heapq.heappop(self._due)
            guest = self._guests.get(name.removesuffix("."))
            if guest is None:
                continue
            frames.append(guest.frames())
            self.late = max(self.late, now - at)
            if name[-1] == ".":
                heapq.heappush(self._due, (at + self._interval, name))
        if frames:
            self._line.send(b"".join(frames))
            self.sent += len(frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--bus", "--cluster"):
        parser.add_argument(name, required=True)
    for name in ("--cloud", "--secret"):
        parser.add_argument(name, type=Path, required=True)
    asked = parser.parse_args()
    cloud, line = RemoteCloud(asked.cloud), Line(asked.bus)
    guests = Guests(cloud, line, asked.cluster, secret.read(asked.secret))
    news = report = 0.0
    while True:
        now = time.monotonic()
        if now >= news:
            guests.learn(now)
            line.listen()
            news = now + NEWS
        if now >= report:
            cloud.report(guests.load)
            guests.late = 0.0
            report = now + REPORT
        guests.speak(time.monotonic())
        time.sleep(max(0.0, now + TICK - time.monotonic()))


if __name__ == "__main__":
    main()
