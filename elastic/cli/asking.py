"""What commands that ask a cluster have in common. None of them touches the store."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from elastic.cli import place, progress
from elastic.cli.shapes import Row, cells
from elastic.client import Client, Progress, connect, is_embedded
from elastic.errors import Unavailable

TIMEOUT = 300.0

LONGEST_REACH = 4.0
"""Seconds that reaching a cluster may take: with our own start it is less than 5."""


class Asking(Command):
    """Options that say which cluster, and who asks it for whose things."""

    owned: ClassVar[bool] = False
    """Whether it deals with what somebody owns."""

    waits: ClassVar[bool] = False
    """Whether it can wait for the end of what it begins."""

    def get_epilog(self) -> str:
        return self._epilog or ""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        place.add_options(parser)
        parser.add_argument("--as", dest="as_user", metavar="NAME", help="act for NAME (embedded clusters only)")
        if self.owned:
            parser.add_argument("--owner", metavar="NAME", help="whose things, if not your own (operators only)")
        if self.waits:
            parser.add_argument("--wait", action="store_true", help="return when it is done, not when it is noted")
            parser.add_argument(
                "--timeout", type=seconds, default=TIMEOUT, metavar="SECONDS", help="how long to wait (300)"
            )
        self.add_arguments(parser)
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What this command takes besides."""

    @contextmanager
    def client(self, args: argparse.Namespace) -> Iterator[Client]:
        """A client of a cluster that answers. Unavailable within 5 s if none does."""
        file = place.config_file(args.data, args.config_file)
        client = connect(config_file=file, owner=getattr(args, "owner", None), as_user=args.as_user)
        reach(client, file)
        with client:
            yield client

    def wait(self, args: argparse.Namespace, steps: Iterable[Progress]) -> None:
        if args.wait:
            progress.show(steps, self.app.stderr)


class Do(Asking):
    """A command that changes something and prints nothing."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        with self.client(parsed_args) as client:
            self.do(client, parsed_args)
        return 0

    def do(self, client: Client, args: argparse.Namespace) -> None:
        raise NotImplementedError


class Rows(Asking, Lister):
    """A command that lists; `columns` are the keys of its rows, `brief` those that a table shows."""

    columns: ClassVar[Sequence[str]]
    brief: ClassVar[Sequence[str]] = ()
    """All of `columns` if it is empty."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        if self.brief:
            parser.add_argument("--long", action="store_true", help="all columns in the table, too")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Any]]:
        with self.client(parsed_args) as client:
            rows = self.rows(client, parsed_args)
        columns = self.shown(parsed_args)
        return columns, [cells(row, columns) for row in rows]

    def shown(self, args: argparse.Namespace) -> Sequence[str]:
        """The columns of the answer."""
        return self.brief if self._is_brief(args) else self.columns

    def _is_brief(self, args: argparse.Namespace) -> bool:
        """Scripts, and who asks for columns by name, are given what they ask for."""
        is_plain_table = args.formatter == "table" and not args.columns and not args.sort_columns
        return bool(self.brief) and is_plain_table and not args.long

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:
        raise NotImplementedError


class One(Asking, ShowOne):
    """A command that shows one thing."""

    columns: ClassVar[Sequence[str]]

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Any]]:
        with self.client(parsed_args) as client:
            row = self.row(client, parsed_args)
        return self.columns, cells(row, self.columns)

    def row(self, client: Client, args: argparse.Namespace) -> Row:
        raise NotImplementedError


def reach(client: Client, file: Path) -> None:
    """Make sure that somebody answers; Unavailable says what to do if not.

    In a thread, because to connect may take longer than anybody wants to wait; it ends with the process.
    """
    answers: list[Exception | None] = []

    def ping() -> None:
        try:
            client.ping()
        except Exception as error:
            answers.append(error)
        else:
            answers.append(None)

    thread = Thread(target=ping, daemon=True)
    thread.start()
    thread.join(LONGEST_REACH)
    error = answers[0] if answers else Unavailable("no connection")
    if isinstance(error, Unavailable):
        raise Unavailable(
            f"no replica answers ({error}): is the cluster of {file} running? {_remedy(file)}"
        ) from None
    if error is not None:
        raise error


def _remedy(file: Path) -> str:
    if is_embedded(file):
        return f"Start it with `elastic run --data {file.parent}`"
    return "Look after `elastic-agent` and the broker in [bus] url"


def seconds(text: str) -> float:
    """A number of seconds above 0; for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value
