"""Units of systemd, by the documented output of `systemctl show` and `journalctl -o cat`.

A unit has failed when it says ActiveState=failed: one that systemd is still restarting is `activating`.
"""

import subprocess
from collections.abc import Callable, Sequence

from elastic.node.units import MOST_LINES, Blind, Failure, last_lines

PROPERTIES = "LoadState,ActiveState,SubState,Result,ExecMainStatus"
PATIENCE = 5.0

Runner = Callable[[Sequence[str]], str]
"""Run a command and return what it printed; OSError or SubprocessError if it fails."""


def run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=True, stdin=subprocess.DEVNULL)  # noqa: S603
    return done.stdout.decode(errors="replace")


class Systemd:
    def __init__(self, unit: str, runner: Runner = run) -> None:
        self._unit = unit
        self._run = runner

    def failures(self) -> Sequence[Failure]:
        said = self._properties()
        if said.get("LoadState") == "not-found":
            raise Blind(f"systemd has no unit {self._unit}")
        if said.get("ActiveState") != "failed":
            return ()
        state = "/".join(part for part in ("failed", said.get("Result", "")) if part)
        return (Failure(self._unit, state, _exit(said.get("ExecMainStatus", "")), self._last_lines()),)

    def _properties(self) -> dict[str, str]:
        try:
            shown = self._run(["systemctl", "show", "-p", PROPERTIES, self._unit])
        except (OSError, subprocess.SubprocessError) as error:
            raise Blind(f"systemd does not answer: {error}") from error
        pairs = (line.partition("=") for line in shown.splitlines())
        said = {name: value for name, _, value in pairs}
        if "ActiveState" not in said:
            raise Blind(f"systemd does not say how {self._unit} is")
        return said

    def _last_lines(self) -> tuple[str, ...]:
        try:
            return last_lines(self._run(["journalctl", "-u", self._unit, "-n", str(MOST_LINES), "-o", "cat"]))
        except (OSError, subprocess.SubprocessError):
            return ()


def _exit(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
