"""How frames become messages: as py-amqp does it, but for what a hostile sender may put in.

py-amqp gives up the whole connection over one message whose properties it cannot read (a short string that is no
UTF-8, a time after the end of time, tables nested without end), and keeps a body of any size in memory.
"""

from collections import defaultdict
from collections.abc import Callable
from struct import error as TooShort
from struct import unpack_from
from typing import Any

from amqp import spec
from amqp.basic_message import Message
from amqp.exceptions import FrameSyntaxError, UnexpectedFrame

from elastic.adapters.bus.link import is_amqp

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
AROUND = 8  # bytes of a frame beside what it carries; the length of that is in the fourth to seventh
READ_BYTES = 8192
WITH_CONTENT = frozenset([spec.Basic.Return, spec.Basic.Deliver, spec.Basic.GetOk])
UNREADABLE = (
    FrameSyntaxError,
    ValueError,
    OverflowError,
    OSError,
    ArithmeticError,
    RecursionError,
    IndexError,
    TooShort,
)

Callback = Callable[[int, Any, Any, Any], Any]


class CutMessage(Message):
    """Properties that cannot be read are as if there were none. Of a body longer than `limit` bytes only the
    first frames are kept, enough to show that it is too long."""

    limit = 0
    kept = 0
    properties: dict[str, Any]

    def inbound_header(self, buf: Any, offset: int = 0) -> int:
        self.body = b""
        try:
            return int(super().inbound_header(buf, offset))
        except UNREADABLE:
            self.properties = {}
            self.ready = not self.body_size
            return len(buf)

    def inbound_body(self, buf: Any) -> None:
        if self.body_size <= self.limit:
            super().inbound_body(buf)
            return
        self.body_received += len(buf)
        if self.kept <= self.limit:
            self._pending_chunks.append(buf)
            self.kept += len(buf)
        if self.body_received >= self.body_size:
            self.body = b"".join(self._pending_chunks)
            self.ready = True


def guard(channel: Any, limit: int) -> None:
    """From now on, no message on this channel's connection breaks it, or is kept beyond some `limit` bytes."""
    if is_amqp(channel):
        connection = channel.connection
        connection.on_inbound_frame = forgiving(limit)(connection, connection.on_inbound_method)


def read_ahead(channel: Any) -> None:
    """From now on, read much at once, where py-amqp asks the kernel nine times for each message.

    Whoever wants that has to call `hand_on_rest` each time that something came: the socket does not tell of it.
    """
    if is_amqp(channel):
        transport = channel.connection.transport
        receive = transport._quick_recv
        transport._quick_recv = lambda _wanted: receive(READ_BYTES)


def hand_on_rest(channel: Any) -> None:
    """Hand on all whole frames that were read ahead."""
    if not is_amqp(channel):
        return
    connection = channel.connection
    transport = connection.transport
    while _begins_with_a_frame(transport._read_buffer):
        connection.on_inbound_frame(transport.read_frame())


def _begins_with_a_frame(read: bytes) -> bool:
    return len(read) >= AROUND and len(read) >= AROUND + int.from_bytes(read[3:7], "big")


def forgiving(limit: int) -> Callable[[Any, Callback], Callable[[Any], bool]]:
    """A `frame_handler` for py-amqp's connections."""

    def handler(connection: Any, callback: Callback) -> Callable[[Any], bool]:
        expected: defaultdict[int, int] = defaultdict(lambda: METHOD)
        partial: dict[int, CutMessage] = {}

        def complete(channel: int, message: CutMessage) -> bool:
            expected[channel] = METHOD
            del partial[channel]
            _deliver(callback, channel, message)
            return True

        def on_frame(frame: Any) -> bool:
            kind, channel, buf = frame
            connection.bytes_recv += 1
            if kind == HEARTBEAT:
                return False
            if kind != expected[channel]:
                raise UnexpectedFrame(f"Received frame {kind} while expecting type: {expected[channel]}")
            if kind == METHOD:
                signature = unpack_from(">HH", buf, 0)
                if signature not in WITH_CONTENT:
                    callback(channel, signature, buf, None)
                    return True
                message = partial[channel] = CutMessage(frame_method=signature, frame_args=buf)
                message.limit = limit
                expected[channel] = HEADER
                return False
            message = partial[channel]
            if kind == HEADER:
                message.inbound_header(buf)
                expected[channel] = BODY
            else:
                message.inbound_body(buf)
            return complete(channel, message) if message.ready else False

        return on_frame

    return handler


def _deliver(callback: Callback, channel: int, message: CutMessage) -> None:
    try:
        callback(channel, message.frame_method, message.frame_args, message)
    except (
        UnicodeDecodeError
    ):  # before anybody was called: of the names in there only the routing key is a sender's
        if message.frame_method != spec.Basic.Deliver:
            raise
        callback(channel, message.frame_method, _legible(message.frame_args), message)


def _legible(args: Any) -> bytes:
    """Of a Basic.Deliver, with `?` for what is no ASCII in the routing key, its last part."""
    raw = bytes(args)
    at = 4 + 1 + raw[4] + 8 + 1  # the method, the consumer's tag, the delivery's, a bit
    at += 1 + raw[at] + 1  # the exchange, and the length of the key
    return raw[:at] + bytes(byte if byte < 128 else 63 for byte in raw[at:])
