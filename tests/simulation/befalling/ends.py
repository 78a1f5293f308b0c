"""What ends by itself, and may have to end before."""

from collections.abc import Callable

from tests.simulation.kernel import Kernel


class Ends:
    """Of all troubles that are under way: how each is undone."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._undo: list[Callable[[], None]] = []

    def in_a_while(self, seconds: float, undo: Callable[[], None]) -> None:
        def end() -> None:
            if end in self._undo:
                self._undo.remove(end)
                undo()

        self._undo.append(end)
        self._kernel.at(seconds, end)

    def all_now(self) -> None:
        for end in tuple(self._undo):
            end()
