"""Standard input, output and errors, which whoever starts us may have closed, or filled up."""

import os
import sys
from typing import TextIO

_NAMES = ("stdin", "stdout", "stderr")


def hold() -> None:
    """Open on nothing those that are closed.

    Otherwise the next file that is opened gets the number 1 or 2, be it the store, and what is said goes into it.
    """
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115  as Python's own


def forget(stream: TextIO) -> None:
    """Nobody takes it any more, and Python would try to flush it at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
