"""py-amqp under kombu, without what makes it hang."""

import select
from typing import Any

from kombu.transport import pyamqp

READ_SECONDS = 0.25
"""For the rest of what has begun to arrive; it is kept, and the next read goes on with it."""


class Connection(pyamqp.Connection):
    def drain_events(self, timeout: float | None = None) -> None:
        """TimeoutError if nothing came within `timeout` seconds.

        At 0, which every publish asks for, py-amqp would turn round and round in half a frame.
        """
        if timeout == 0:
            if not is_readable(self.sock, 0.0):
                raise TimeoutError
            timeout = READ_SECONDS
        super().drain_events(timeout=timeout)


class Transport(pyamqp.Transport):
    Connection = Connection


def is_readable(sock: Any, seconds: float, other: Any = None) -> bool:
    """Whether something can be read from `sock` within `seconds`; `other` cuts the wait short when it can be."""
    if getattr(sock, "pending", int)():  # TLS: decrypted already
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if other is not None:
        poll.register(other, select.POLLIN)
    ready = poll.poll(max(0.0, seconds) * 1000)
    return any(number == sock.fileno() for number, _event in ready)
