"""A process's line to a server: up, cut (which it sees), or silent (which it only comes to believe)."""

from collections.abc import Callable
from functools import partial

from tests.simulation.kernel import Kernel


class Line:
    """`is_up`: what one end says reaches the other. `is_known_up`: what the process takes it for.

    `connection` counts how often it came up: what was sent on an older one is answered no more.
    """

    def __init__(self, kernel: Kernel, patience: float) -> None:
        self._kernel, self._patience = kernel, patience
        self.is_up = self.is_known_up = True
        self.connection = 1
        self.down_since: float | None = None
        self.on_down: list[Callable[[], None]] = []
        self.on_known_down: list[Callable[[], None]] = []
        self.on_up: list[Callable[[], None]] = []

    def cut(self, is_silent: bool = False) -> None:
        """Silent: the process takes note only when its `patience` (seconds) is over."""
        if not self.is_up:
            return
        self.is_up, self.down_since = False, self._kernel.now
        for act in self.on_down:
            act()
        self._kernel.at(self._patience if is_silent else 0.0, partial(self._notice, self.connection))

    def _notice(self, connection: int) -> None:
        if connection == self.connection and self.is_known_up and not self.is_up:
            self.is_known_up = False
            for act in self.on_known_down:
                act()

    def heal(self, after: float = 0.1) -> None:
        if not self.is_up:
            self._kernel.at(after, partial(self._come_up, self.connection))

    def _come_up(self, connection: int) -> None:
        if self.is_up or connection != self.connection:
            return
        self._notice(connection)  # it is another connection: what was asked on the old one is lost
        self.connection += 1
        self.is_up = self.is_known_up = True
        self.down_since = None
        for act in self.on_up:
            act()
