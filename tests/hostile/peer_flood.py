"""Those who send too much, each on a connection and in a thread of its own, and what the member under it says."""

import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Self

import amqp
from amqp.method_framing import frame_writer

from elastic.adapters.bus.link import FAULTS, connected, opened_channel

Message = tuple[bytes, str, str, dict[str, Any], dict[str, Any]]
"""Body, exchange, key, headers, properties."""


class Flood:
    """So many messages a second, as far as this host can, until it is left. `sent` is how many there were.
    `ahead`: how many are packed before it begins, so that nothing but the wire holds it up. `cut`: what ended its
    connection, if anything did: then the broker does not have all that was sent."""

    def __init__(self, url: str, a_second: float, messages: Iterator[Message], ahead: int = 0) -> None:
        self.sent = 0
        self.cut = ""
        self._url, self._a_second, self._messages, self._ahead = url, a_second, messages, ahead
        self._over, self._begun = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(60), "it could not begin"
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        connection = connected(self._url, listens=False)
        channel = opened_channel(connection)
        channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=lambda _reply: None)
        wire = connection.connection
        packets = packed(wire, channel, self._messages)
        packets = chain(list(islice(packets, self._ahead)), packets)
        self._begun.set()
        try:
            self._pour(wire, packets)
            channel.basic_qos(0, 1, False)  # the broker has it all
        except FAULTS as fault:
            self.cut = f"{type(fault).__name__}: {fault}"
        connection.release()

    def _pour(self, wire: Any, packets: Iterator[bytes]) -> None:
        began = time.monotonic()
        while not self._over.is_set():
            due = int((time.monotonic() - began) * self._a_second) - self.sent
            together = list(islice(packets, max(0, min(due, 200))))
            wire.transport.write(b"".join(together))
            self.sent += len(together)
            self._hear(wire)

    def _hear(self, wire: Any) -> None:
        """Answers are taken in, as by one who reads them."""
        try:
            while True:
                wire.drain_events(timeout=0.002)
        except TimeoutError:
            pass


def packed(wire: Any, channel: Any, messages: Iterator[Message]) -> Iterator[bytes]:
    """Each as it goes over the wire."""
    usual, press = wire.frame_writer, Press()
    ours = frame_writer(wire, press)
    for body, exchange, key, headers, properties in messages:
        wire.frame_writer = ours
        channel.basic_publish(amqp.Message(body, application_headers=headers, **properties), exchange, key)
        wire.frame_writer = usual
        yield press.take()


class Press:
    """In place of a socket: keeps what is written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self._pieces.append(bytes(piece))

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def beats(
    make: Callable[[int], tuple[bytes, str]], exchange: str, slot: int, **properties: Any
) -> Iterator[Message]:
    """Heartbeats to a slot: `make(number)` gives each its body and MAC."""
    for number in count(1):
        body, mac = make(number)
        yield body, exchange, str(slot), {"mac": mac}, {"content_type": "application/json", **properties}


def calls(make: Callable[[int], bytes], exchange: str, user: str) -> Iterator[Message]:
    for number in count(1):
        said = {"content_type": "application/json", "user_id": user, "reply_to": "amq.rabbitmq.reply-to"}
        yield make(number), exchange, exchange, {"deadline": time.time() + 30}, said


class Watched:
    """An agent's process: its memory by the kernel, its counters by its own metrics."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid, self._port = pid, port

    def resident(self) -> int:
        """Bytes."""
        return self._status("VmRSS") * 1024

    def threads(self) -> int:
        return self._status("Threads")

    def counts(self, metric: str, label: str) -> dict[str, int]:
        """By label, of one of its counters."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as answer:
            page = answer.read().decode()
        found = re.findall(rf'^elastic_{metric}_total{{{label}="([^"]*)"}} (\S+)$', page, re.MULTILINE)
        return {name: int(float(number)) for name, number in found}

    def _status(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{self._pid}/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])
