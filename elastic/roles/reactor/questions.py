"""Questions to several at once, whose answers are welcome but not waited for long."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger(__name__)


class Questions:
    """Threads start with the first question. What is asked must end by itself: nothing here can end it."""

    def __init__(self, width: int = 16) -> None:
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="questions")

    def gather(self, questions: Mapping[K, Callable[[], V]], timeout: float) -> dict[K, V]:
        """The answers that came within `timeout` seconds; who failed or was late is missing."""
        if not questions:
            return {}
        asked = {key: self._pool.submit(question) for key, question in questions.items()}
        _, late = wait(asked.values(), timeout)
        for future in late:
            future.cancel()
        return {key: future.result() for key, future in asked.items() if _has_answered(key, future)}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _has_answered(key: object, future: "Future[V]") -> bool:
    if future.cancelled() or not future.done():
        return False
    error = future.exception()
    if error is not None:
        log.debug("%s did not answer: %r", key, error)
    return error is None
