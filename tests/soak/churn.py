"""Clients of several owners who never rest: each change is asked for until it is known to be made."""

import random
import threading
import time
from collections.abc import Callable

from elastic.client import Client
from elastic.errors import Conflict, ElasticError, NotFound, Unavailable
from elastic.model.domain import DomainKey

OWNERS = ("ann", "ben", "cay")
NAMES = 12  # of each owner: they are used again, so that a domain is made anew under a former one's name
LARGEST = 5  # instances of a domain
MOST = 40  # instances of all
PAUSE = 3.0  # seconds between two changes, on average
PATIENCE = 60.0  # seconds until a change has to be answered


class Churn:
    """`wanted`: the size of each domain that is there. It works while it is entered.

    `made` counts the instances that had to be launched for its sake, `changes` what it was answered.
    """

    def __init__(self, client: Client, definition: str, chance: random.Random) -> None:
        self._clients = {owner: client.of(owner) for owner in OWNERS}
        self._close = client.close
        self._definition = definition
        self._chance = chance
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="churn", daemon=True)
        self.wanted: dict[DomainKey, int] = {}
        self.made = self.changes = self.asked = self.unanswered = 0
        self.faults: list[str] = []

    def __enter__(self) -> "Churn":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.rest()
        self._close()

    def rest(self) -> None:
        """No change is under way when it returns, and none comes after."""
        self._stopping.set()
        self._thread.join(2 * PATIENCE)

    def remove_all(self) -> None:
        """Once it rests."""
        for key in tuple(self.wanted):
            self._remove(key)

    def _run(self) -> None:
        while not self._stopping.wait(self._chance.expovariate(1 / PAUSE)):
            self._change_something()

    def _change_something(self) -> None:
        total = sum(self.wanted.values())
        free = [key for key in _all_keys() if key not in self.wanted]
        chances: dict[Callable[[], None], float] = {}
        if free and total < MOST:
            chances[lambda: self._add(self._chance.choice(free), MOST - total)] = 3 * (MOST - total)
        if self.wanted:
            key = self._chance.choice(sorted(self.wanted))
            chances[lambda: self._resize(key, MOST - total)] = MOST
            chances[lambda: self._remove(key)] = total
        (change,) = self._chance.choices(list(chances), list(chances.values()))
        change()

    def _add(self, key: DomainKey, room: int) -> None:
        n = self._chance.randint(1, min(LARGEST, room))
        self.made += n
        add = self._clients[key.owner].add_domain
        if self._is_done(f"add {key}", lambda: add(key.name, self._definition, _size(n)), Conflict):
            self.wanted[key] = n

    def _resize(self, key: DomainKey, room: int) -> None:
        before = self.wanted[key]
        n = self._chance.randint(1, min(LARGEST, before + room))
        self.made += max(0, n - before)
        resize = self._clients[key.owner].reconfigure_domain
        if self._is_done(f"resize {key}", lambda: resize(key.name, _size(n)), None):
            self.wanted[key] = n

    def _remove(self, key: DomainKey) -> None:
        remove = self._clients[key.owner].remove_domain
        if self._is_done(f"remove {key}", lambda: remove(key.name), NotFound):
            del self.wanted[key]

    def _is_done(self, what: str, call: Callable[[], None], so_already: type[ElasticError] | None) -> bool:
        """`so_already`: how it is refused when an earlier try, whose answer was lost, has done it.

        At the first try that means something else: the name's former domain is not gone yet.
        """
        begun, is_first = time.monotonic(), True
        while time.monotonic() - begun < PATIENCE:
            self.asked += 1
            try:
                call()
            except Unavailable:
                self.unanswered += 1
            except ElasticError as refusal:
                if so_already is not None and isinstance(refusal, so_already):
                    return not is_first
                self.faults.append(f"{what}: {refusal}")
                return False
            else:
                self.changes += 1
                return True
            is_first = False
        self.faults.append(f"{what}: no answer for {PATIENCE:g} s")
        return False


def _all_keys() -> list[DomainKey]:
    return [DomainKey(owner, f"d{number}") for owner in OWNERS for number in range(NAMES)]


def _size(n: int) -> dict[str, dict[str, int]]:
    return {"engine_conf": {"preserve_n": n}}
