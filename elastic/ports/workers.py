"""Work that may block or hang, done elsewhere: cloud calls and engines."""

from collections.abc import Callable
from typing import Any, Protocol

from elastic.errors import ElasticError


class Workers(Protocol):
    """A bounded pool, one queue a lane (a site, or "bus")."""

    def set_wake(self, wake: Callable[[], None]) -> None:
        """`wake` is called, from any thread, whenever there is something to collect."""

    def submit(self, lane: str, work: Callable[[], Any], then: Callable[[Any, Exception | None], None]) -> None:
        """Do `work` when a worker of that lane is free; `then(value, error)` is called by `collect`, later."""

    def run(self, work: Callable[[], Any], budget: float) -> Any:
        """Do `work` and wait for it at most `budget` seconds, then raise Overrun and let it run on."""

    def collect(self) -> int:
        """Call, in the caller's own thread, the `then` of all work that has ended; return how many."""


class Overrun(ElasticError):
    """It took longer than its budget. `still_running()` tells whether it still does; once it does not,
    `result()` is what it returned, or raises what it raised."""

    def __init__(self, still_running: Callable[[], bool], result: Callable[[], Any]) -> None:
        super().__init__("took longer than its time budget")
        self.still_running, self.result = still_running, result
