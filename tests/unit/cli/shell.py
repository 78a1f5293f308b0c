"""A shell in this process: the commands as users type them, asking the reactors of a `Bench`."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from elastic.adapters.bus.memory import MemoryRpcClient
from elastic.cli.main import ElasticApp
from elastic.client import Client
from tests.unit.roles.reactors import Bench


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Shell:
    """`directory` is the cluster's. `while_waiting` is done whenever a command waits."""

    def __init__(self, bench: Bench, directory: Path) -> None:
        self.bench, self.directory = bench, directory
        self.while_waiting: Callable[[], object] = lambda: None
        self.stderr: io.StringIO | None = None

    def connect(self, config_file: Path, owner: str | None, as_user: str | None) -> Client:
        assert config_file.is_file()
        return Client(MemoryRpcClient(self.bench.broker, "ann"), owner, as_user, sleep=lambda _s: self._wait())

    def _wait(self) -> None:
        self.while_waiting()

    def __call__(self, *words: str) -> Done:
        return self.run(*words, "--data", str(self.directory))

    def run(self, *words: str) -> Done:
        out, err = io.StringIO(), self.stderr or io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = ElasticApp(stdout=out, stderr=err).run(list(words))
            except SystemExit as end:
                code = int(end.code or 0)
        return Done(code, out.getvalue(), err.getvalue())
