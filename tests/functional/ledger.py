"""A client that never rests, and remembers what it was answered."""

import threading
from collections.abc import Callable

from elastic.client import Client
from elastic.errors import ElasticError
from tests.functional.cluster import AnyCluster

KEPT = 8  # domains that are there at a time


class Ledger:
    """Adds and removes empty domains while it is entered. `there`, `gone`: those for which it was answered so.

    Of a call that was not answered nothing is known: its domain is in neither.
    """

    def __init__(self, client: Client, definition: str) -> None:
        self._client = client
        self._definition = definition
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self.there: set[str] = set()
        self.gone: set[str] = set()
        self.unanswered = 0

    def __enter__(self) -> "Ledger":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join(60)
        self._client.close()

    def faults(self, cluster: AnyCluster) -> list[str]:
        """Where the cluster says otherwise than it has answered."""
        listed = {row["name"] for row in cluster.client.domains()}
        return [
            *(f"{name} was added, and is not there" for name in sorted(self.there - listed)),
            *(f"{name} was removed, and is there" for name in sorted(self.gone & listed)),
        ]

    def _run(self) -> None:
        number = 0
        while not self._stopping.wait(0.3):
            number += 1
            new, old = f"ledger-{number}", f"ledger-{number - KEPT}"
            size = {"engine_conf": {"preserve_n": 0}}
            if self._is_answered(self._client.add_domain, new, self._definition, size):
                self.there.add(new)
            if old in self.there:
                self.there.discard(old)
                if self._is_answered(self._client.remove_domain, old):
                    self.gone.add(old)

    def _is_answered(self, call: Callable[..., object], *args: object) -> bool:
        try:
            call(*args)
        except ElasticError:
            self.unanswered += 1
            return False
        return True
