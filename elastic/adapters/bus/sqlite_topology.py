"""Exchanges, queues and bindings in the file, and which queues a message goes to."""

from dataclasses import dataclass
from typing import Any

from amqp import exceptions

from elastic.adapters.bus.sqlite_clients import delete_queue
from elastic.adapters.bus.sqlite_file import BusFile

MAX_LENGTH = 100_000
"""Of a queue that names no limit of its own: nothing grows without bound."""

ROUTES_KEPT = 20_000
EXCHANGE, QUEUE = "exchange", "queue"
THERE = {
    EXCHANGE: "SELECT 1 FROM exchanges WHERE name = ?",
    QUEUE: "SELECT 1 FROM queues WHERE name = ?",
}


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """`owner`: the client it is exclusive to, 0 if it is not. `ttl`: seconds, 0 for ever."""

    name: str
    owner: int = 0
    auto_delete: bool = False
    ttl: float = 0.0
    max_length: int = MAX_LENGTH


@dataclass(frozen=True, slots=True)
class Route:
    """A queue that gets the message, and the addresses of those who consume from it."""

    queue: int
    ttl: float
    max_length: int
    addresses: tuple[str, ...]


class Topology:
    """What all clients of the file declared. Routes are remembered until anybody changes it."""

    def __init__(self, file: BusFile) -> None:
        self._file = file
        self._routes: dict[tuple[str, str], tuple[Route, ...]] = {}
        self._routes_of = -1

    def declare_exchange(self, name: str, kind: str, passive: bool) -> None:
        found = self._one("SELECT type FROM exchanges WHERE name = ?", name)
        if found is None and passive:
            raise exceptions.NotFound(f"no exchange {name!r}")
        if found is None:
            self._change("INSERT OR IGNORE INTO exchanges VALUES (?, ?)", name, kind)
        elif not passive and found[0] != kind:
            raise exceptions.PreconditionFailed(f"exchange {name!r} is {found[0]}, not {kind}")

    def delete_exchange(self, name: str) -> None:
        with self._file.write() as db:
            db.execute(
                "DELETE FROM bindings WHERE source = ?1 OR (kind = 'exchange' AND destination = ?1)", (name,)
            )
            db.execute("DELETE FROM exchanges WHERE name = ?", (name,))
            self._file.touch_topology()

    def declare_queue(self, spec: QueueSpec, passive: bool) -> None:
        with self._file.write() as db:
            found = db.execute(
                "SELECT name, owner, auto_delete, ttl, max_length FROM queues WHERE name = ?", (spec.name,)
            ).fetchone()
            if found is None and passive:
                raise exceptions.NotFound(f"no queue {spec.name!r}")
            if found is None:
                db.execute(
                    "INSERT INTO queues (name, owner, auto_delete, ttl, max_length) VALUES (?, ?, ?, ?, ?)",
                    (spec.name, spec.owner, spec.auto_delete, spec.ttl, spec.max_length),
                )
                self._file.touch_topology()
            elif not passive:
                _must_be_alike(spec, QueueSpec(found[0], found[1], bool(found[2]), found[3], found[4]))

    def delete_queue(self, name: str) -> None:
        with self._file.write() as db:
            found = db.execute("SELECT id FROM queues WHERE name = ?", (name,)).fetchone()
            if found is not None:
                delete_queue(db, found[0])
                self._file.touch_topology()

    def queue_id(self, name: str) -> int:
        found = self._one("SELECT id FROM queues WHERE name = ?", name)
        if found is None:
            raise exceptions.NotFound(f"no queue {name!r}")
        return int(found[0])

    def bind(self, source: str, key: str, kind: str, destination: str) -> None:
        known = self._one("SELECT 1 FROM exchanges WHERE name = ?", source)
        there = self._one(THERE[kind], destination)
        if known is None or there is None:
            raise exceptions.NotFound(
                f"cannot bind {kind} {destination!r} to {source!r}: one of them is not there"
            )
        if self._one(
            "SELECT 1 FROM bindings WHERE source = ? AND key = ? AND kind = ? AND destination = ?",
            *(source, key, kind, destination),
        ):
            return
        self._change("INSERT OR IGNORE INTO bindings VALUES (?, ?, ?, ?)", source, key, kind, destination)

    def unbind(self, source: str, key: str, kind: str, destination: str) -> None:
        self._change(
            "DELETE FROM bindings WHERE source = ? AND key = ? AND kind = ? AND destination = ?",
            *(source, key, kind, destination),
        )

    def add_consumer(self, queue: int, client: int, tag: str) -> None:
        with self._file.write() as db:
            owner = db.execute("SELECT owner FROM queues WHERE id = ?", (queue,)).fetchone()
            if owner is None:
                raise exceptions.NotFound("the queue is gone")
            if owner[0] not in (0, client):
                raise exceptions.ResourceLocked("the queue is another client's own")
            db.execute("INSERT INTO consumers VALUES (?, ?, ?)", (queue, client, tag))
            self._file.touch_topology()

    def drop_consumer(self, queue: int, client: int, tag: str) -> None:
        with self._file.write() as db:
            db.execute("DELETE FROM consumers WHERE queue = ? AND client = ? AND tag = ?", (queue, client, tag))
            ends = db.execute(
                """SELECT auto_delete AND NOT EXISTS (SELECT 1 FROM consumers WHERE queue = ?1)
                FROM queues WHERE id = ?1""",
                (queue,),
            ).fetchone()
            if ends is not None and ends[0]:
                delete_queue(db, queue)
            self._file.touch_topology()

    def routes(self, exchange: str, key: str) -> tuple[Route, ...]:
        """Each queue once, however many ways lead to it."""
        topology = self._file.topology()
        if topology != self._routes_of or len(self._routes) > ROUTES_KEPT:
            self._routes = {}
            self._routes_of = topology
        found = self._routes.get((exchange, key))
        if found is None:
            names = self._destinations(exchange, key) if exchange else {key}
            found = tuple(route for name in sorted(names) for route in self._route(name))
            self._routes[exchange, key] = found
        return found

    def _destinations(self, exchange: str, key: str) -> set[str]:
        queues: set[str] = set()
        seen: set[str] = set()
        ahead = [exchange]
        while ahead:
            source = ahead.pop()
            if source in seen:
                continue
            seen.add(source)
            for kind, destination in self._bound(source, key):
                if kind == QUEUE:
                    queues.add(destination)
                else:
                    ahead.append(destination)
        return queues

    def _bound(self, source: str, key: str) -> list[tuple[str, str]]:
        found = self._one("SELECT type FROM exchanges WHERE name = ?", source)
        kind = found[0] if found else "direct"
        if kind == "direct":
            rows = self._file.db.execute(
                "SELECT kind, destination FROM bindings WHERE source = ? AND key = ?", (source, key)
            )
            return rows.fetchall()
        rows = self._file.db.execute("SELECT kind, destination, key FROM bindings WHERE source = ?", (source,))
        return [(to, name) for to, name, pattern in rows if kind == "fanout" or topic_matches(pattern, key)]

    def _route(self, name: str) -> list[Route]:
        found = self._one("SELECT id, ttl, max_length FROM queues WHERE name = ?", name)
        if found is None:
            return []
        queue, ttl, max_length = found
        rows = self._file.db.execute(
            "SELECT DISTINCT address FROM consumers JOIN clients ON id = client WHERE queue = ?", (queue,)
        )
        return [Route(queue, ttl, max_length, tuple(address for (address,) in rows))]

    def _one(self, query: str, *values: object) -> Any:
        """The first row, or None."""
        return next(iter(self._file.db.execute(query, values).fetchall()), None)

    def _change(self, statement: str, *values: object) -> None:
        with self._file.write() as db:
            db.execute(statement, values)
            self._file.touch_topology()


def topic_matches(pattern: str, key: str) -> bool:
    """`*` stands for one word, `#` for any number of them, none included."""
    return _words_match(pattern.split("."), key.split("."))


def _words_match(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    first, rest = pattern[0], pattern[1:]
    if first == "#":
        return any(_words_match(rest, words[n:]) for n in range(len(words) + 1))
    return bool(words) and first in ("*", words[0]) and _words_match(rest, words[1:])


def _must_be_alike(asked: QueueSpec, found: QueueSpec) -> None:
    if found.owner not in (0, asked.owner):
        raise exceptions.ResourceLocked(f"queue {asked.name!r} is another client's own")
    if asked != found:
        raise exceptions.PreconditionFailed(f"queue {asked.name!r} is there and is otherwise: {found}")
