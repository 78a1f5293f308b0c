"""What becomes of us when our supervisor dies: its end of a pipe closes, and we stop."""

import os
import threading
from collections.abc import Callable


class Lifeline:
    """`descriptor` is our end of the pipe. `lost` is called once, in a thread of ours, when the other closes."""

    def __init__(self, descriptor: int, lost: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._lost = lost

    def watch(self) -> None:
        """Raises OSError if there is no such pipe."""
        os.set_inheritable(self._descriptor, False)  # the servers that we start shall not hold it
        threading.Thread(target=self._wait, name="lifeline", daemon=True).start()

    def _wait(self) -> None:
        while os.read(self._descriptor, 64):
            pass
        self._lost()
