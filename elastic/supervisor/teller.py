"""What happens in the cluster, a line an event."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from elastic.errors import ElasticError
from elastic.model.decision import Event
from elastic.rules.showing import visible

log = logging.getLogger(__name__)

_PAUSE = 0.25  # seconds between two looks into the journal


def line_of(event: Event) -> str:
    """`ISO-time kind domain text`; the domain of what concerns the whole cluster is `-`."""
    time = datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds")
    named = event.instance_id if event.instance_id not in event.text else ""
    text = visible(" ".join(f"{named} {event.text}".split()))
    return f"{time} {event.kind} {event.domain or '-'} {text}".rstrip()


class Stdout:
    """Lines to file descriptor 1, unbuffered. Once its reader is gone they go nowhere: the cluster stays."""

    def say(self, line: str) -> None:
        data = f"{line}\n".encode(errors="backslashreplace")
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError as trouble:
            log.warning("nobody reads what happens any more (%s); the cluster goes on", trouble.strerror)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)


class Teller:
    """Says all events that `events(after)` gives, from `after` on, in a thread: a reader may be slow."""

    def __init__(
        self, events: Callable[[int], Sequence[Event]], say: Callable[[str], None], after: int = 0
    ) -> None:
        self._events = events
        self._say = say
        self._after = after
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Say what there is left to say, for at most `timeout` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.wait(_PAUSE):
            self._tell()
        self._tell()

    def _tell(self) -> None:
        try:
            events = self._events(self._after)
        except ElasticError as trouble:
            log.debug("the journal cannot be read now: %s", trouble)
            return
        for event in events:
            self._after = event.seq
            self._say(line_of(event))
