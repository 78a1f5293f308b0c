"""A cloud for benches, of many agents on one host: a simulated one that a process of its own keeps.

    python -m bench.cloud SOCKET          keeps it, until it is killed

`RemoteCloud` is what agents and benches have of it: the port, and beside it what happens to guests. Whoever
plays the guests (`bench/whole_load.py`) asks for the words that it has not heard yet. Frames are a length of
four bytes and JSON.
"""

import asyncio
import random
import socket
import struct
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from elastic import errors
from elastic.adapters.clock import SYSTEM_CLOCK
from elastic.adapters.cloud.bare import BareCloud
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.cloud.weather import Happened, Weather
from elastic.model.domain import DomainKey
from elastic.model.server import Order, Server, ServerStatus

SITE = "simulated"
LENGTH = struct.Struct(">I")
SILENT = ""
BOOT = (0.5, 1.5)  # seconds


class Word(msgspec.Struct, frozen=True, array_like=True):
    """What a guest is to say from now on, in heartbeats; SILENT: nothing any more. `at` is monotonic seconds."""

    at: float
    what: str
    server_id: str
    instance_id: str
    key: DomainKey
    state: str


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How those fare who play the guests. `late`: by how many seconds the latest of late went out too late."""

    guests: int = 0
    sent: int = 0
    late: float = 0.0
    asked: int = 0


class Asked(msgspec.Struct, frozen=True):
    op: str
    args: msgspec.Raw


class Answer(msgspec.Struct, frozen=True):
    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
    text: str = ""


ERRORS = {e.__name__: e for e in (errors.CloudUnavailable, errors.ServerGone, errors.NoRoom, errors.BadOrder)}


class Keeper:
    """The cloud, and the words to its guests. An operation of the protocol is a public method here."""

    def __init__(self) -> None:
        self._cloud = SimulatedCloud(
            SYSTEM_CLOCK, random.Random(1), weather=Weather(boot=BOOT), site_names=(SITE,)
        )
        self._words: list[Word] = []
        self._read = 0
        self._servers: dict[str, list[str]] = {}  # by instance: a cloud has an index for that
        self._interval = 10.0
        self._load = Load()

    def sites(self) -> Sequence[str]:
        return self._cloud.sites()

    def create(self, order: Order, timeout: float) -> Server:
        made = self._cloud.create(order, timeout)
        self._servers.setdefault(order.mark.instance_id, []).append(made.server_id)
        return made

    def delete(self, site: str, server_id: str, timeout: float) -> None:
        self._cloud.delete(site, server_id, timeout)

    def server(self, site: str, server_id: str, timeout: float) -> Server:
        return self._cloud.server(site, server_id, timeout)

    def servers(self, site: str, cluster: str, timeout: float, instance_id: str | None = None) -> Sequence[Server]:
        if instance_id is None:
            return self._cloud.servers(site, cluster, timeout)
        found = []
        for server_id in self._servers.get(instance_id, ()):
            with suppress(errors.ServerGone):
                found.append(self._cloud.server(site, server_id, timeout))
        return [server for server in found if server.mark.cluster == cluster]

    def kill(self, server_id: str) -> None:
        """The hypervisor says that it is broken."""
        self._cloud.kill(server_id, ServerStatus.ERROR)

    def say(self, server_id: str, state: str) -> float:
        """Its guest says this from now on. The monotonic time at which it was told so."""
        self._catch_up()
        old = next(word for word in reversed(self._words) if word.server_id == server_id)
        self._words.append(msgspec.structs.replace(old, at=SYSTEM_CLOCK.monotonic(), what="told", state=state))
        return self._words[-1].at

    def words(self, after: int, most: int = 5000) -> tuple[float, Sequence[Word]]:
        """The interval between heartbeats, and what has happened since the first `after` words."""
        self._catch_up()
        return self._interval, self._words[after : after + most]

    def set_interval(self, seconds: float) -> None:
        self._interval = seconds

    def report(self, load: Load) -> None:
        self._load = msgspec.structs.replace(load, late=max(load.late, self._load.late))

    def load(self) -> Load:
        """As it is; `late` since the last time it was asked for."""
        told, self._load = self._load, msgspec.structs.replace(self._load, late=0.0)
        return told

    def _catch_up(self) -> None:
        journal = self._cloud.journal
        for entry in journal[self._read :]:
            state = "OK" if entry.what is Happened.ACTIVE else SILENT
            if entry.mark is not None and entry.what is not Happened.DELETE_ASKED:
                key, name = entry.mark.key, entry.mark.instance_id
                self._words.append(Word(entry.time, str(entry.what), entry.server_id, name, key, state))
        self._read = len(journal)


class Signature(NamedTuple):
    """What an operation takes, by name, and what it gives."""

    takes: type[msgspec.Struct]
    gives: Any


def _signature(name: str) -> Signature:
    hints = dict(Keeper.__dict__[name].__annotations__)
    gives = hints.pop("return")
    given = Keeper.__dict__[name].__defaults__ or ()
    defaults = dict(zip(list(hints)[-len(given) :], given, strict=True)) if given else {}
    fields = [
        (field, kind, defaults[field]) if field in defaults else (field, kind) for field, kind in hints.items()
    ]
    return Signature(msgspec.defstruct(name, fields), gives)


OPERATIONS = {name: _signature(name) for name, made in vars(Keeper).items() if name[0] != "_" and callable(made)}


class RemoteCloud(BareCloud):
    """A connection a thread. CloudUnavailable if the keeper does not answer."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._local = threading.local()

    def __getattr__(self, op: str) -> Any:
        if op not in OPERATIONS:
            raise AttributeError(op)
        takes, gives = OPERATIONS[op]

        def call(*args: Any, **named: Any) -> Any:
            answer = self._ask(op, msgspec.json.encode(takes(*args, **named)))
            if answer.error:
                raise ERRORS.get(answer.error, errors.ElasticError)(answer.text)
            return msgspec.json.decode(answer.value, type=gives)

        return call

    def _ask(self, op: str, args: bytes) -> Answer:
        body = msgspec.json.encode(Asked(op, msgspec.Raw(args)))
        try:
            connection = self._connection()
            connection.sendall(LENGTH.pack(len(body)) + body)
            (length,) = LENGTH.unpack(_received(connection, LENGTH.size))
            return msgspec.json.decode(_received(connection, length), type=Answer)
        except OSError as error:
            self._local.__dict__.pop("connection", None)
            raise errors.CloudUnavailable(f"{self._place}: {error}") from error

    def _connection(self) -> socket.socket:
        if not hasattr(self._local, "connection"):
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(20)
            made.connect(str(self._place))
            self._local.connection = made
        connection: socket.socket = self._local.connection
        return connection


def _received(connection: socket.socket, length: int) -> memoryview:
    body = memoryview(bytearray(length))
    got = 0
    while got < length:
        more = connection.recv_into(body[got:])
        if not more:
            raise ConnectionResetError("the keeper of the cloud has gone")
        got += more
    return body


def _answered(keeper: Keeper, body: bytes) -> bytes:
    asked = msgspec.json.decode(body, type=Asked)
    takes, _ = OPERATIONS[asked.op]
    try:
        args = msgspec.structs.asdict(msgspec.json.decode(asked.args, type=takes))
        value = getattr(keeper, asked.op)(**args)
    except Exception as error:
        return msgspec.json.encode(Answer(error=type(error).__name__, text=str(error)))
    return msgspec.json.encode(Answer(msgspec.Raw(msgspec.json.encode(value))))


async def _serve(place: Path) -> None:
    keeper = Keeper()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                body = _answered(keeper, await reader.readexactly(length))
                writer.write(LENGTH.pack(len(body)) + body)
                await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(served, place)
    place.chmod(0o600)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
