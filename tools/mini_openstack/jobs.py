"""Programs that are run once and end. What they print goes to a log file of their own."""

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mini_openstack.errors import Trouble

_SHOWN = 15  # lines of a log
_PAUSE = 0.05


@dataclass(frozen=True)
class Step:
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path


class Job:
    """A step that has been begun."""

    def __init__(self, step: Step) -> None:
        self._step = step
        with step.log.open("ab") as out:
            try:
                self._process = subprocess.Popen(
                    step.argv,
                    env=step.environment,
                    cwd=step.log.parent,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                )
            except OSError as refusal:
                raise Trouble(f"{step.argv[0]} cannot be run: {refusal.strerror}") from None

    def has_ended(self) -> bool:
        """Trouble, with the end of its log, if it has failed."""
        code = self._process.poll()
        if code:
            raise Trouble(f"{self._step.log.stem} failed, see {self._step.log}:\n{tail(self._step.log)}")
        return code is not None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def begun(step: Step, watch: Callable[[], None]) -> Iterator[None]:
    """It runs beside what is done in the `with`, which ends when both have. `watch` may raise while we wait."""
    job = Job(step)
    try:
        yield
        while not job.has_ended():
            watch()
            time.sleep(_PAUSE)
    finally:
        job.kill()


def run(step: Step) -> None:
    run_chains([[step]])


def run_chains(chains: Iterable[Iterable[Step]]) -> None:
    """The chains at the same time, the steps of each one after another."""
    unfinished = dict(enumerate(iter(chain) for chain in chains))
    running: dict[int, Job] = {}
    try:
        while unfinished:
            for number, chain in list(unfinished.items()):
                if number in running and not running[number].has_ended():
                    continue
                if step := next(chain, None):
                    running[number] = Job(step)
                else:
                    del unfinished[number]
            if unfinished:
                time.sleep(_PAUSE)
    finally:
        for job in running.values():
            job.kill()


def tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()[-_SHOWN:]
    except OSError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in lines)
