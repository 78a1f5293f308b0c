"""One who uses the broker in a file directly."""

import os
from typing import Any

from kombu import Connection, Exchange, Queue

from elastic.adapters.bus import sqlite_clients
from elastic.adapters.bus.link import connected, opened_channel


class User:
    """One connection with one channel, and what came to it."""

    def __init__(self, url: str) -> None:
        self.connection: Connection = connected(url, listens=True)
        self.channel = opened_channel(self.connection)
        self.got: list[Any] = []

    def queue(self, name: str, **options: Any) -> str:
        return str(Queue(name, **options)(self.channel).declare())

    def exchange(self, name: str, kind: str) -> None:
        Exchange(name, kind)(self.channel).declare()

    def publish(self, body: str, exchange: str = "", key: str = "", **options: Any) -> None:
        self.channel.Producer().publish(
            body.encode(), key, exchange=exchange, content_type="application/json", **options
        )

    def consume(self, queue: str, prefetch: int = 0, no_ack: bool = False) -> None:
        self.channel.basic_qos(0, prefetch, False)
        self.channel.basic_consume(queue, no_ack, self.got.append, consumer_tag=f"tag-{queue}")

    def drain(self) -> list[str]:
        """All that is there."""
        try:
            while True:
                self.connection.drain_events(timeout=0.02)
        except TimeoutError:
            return self.bodies

    @property
    def clients(self) -> sqlite_clients.Clients:
        return self.connection.connection.outlet.clients

    def die(self) -> None:
        """As the kernel does it: without a word, and the lock is free."""
        assert self.clients._lock is not None
        os.close(self.clients._lock)
        self.clients._lock = None

    @property
    def bodies(self) -> list[str]:
        return [bytes(message.body).decode() for message in self.got]

    def close(self) -> None:
        self.connection.release()
