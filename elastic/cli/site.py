"""elastic site ..."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from elastic.cli.asking import One, Rows
from elastic.cli.shapes import Row
from elastic.client import Client
from elastic.errors import Unavailable


class List(Rows):
    """List the sites where servers can be."""

    columns = ("name",)

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:  # noqa: ARG002
        return client.sites()


class Show(One):
    """Show a site, and how it is."""

    columns = ("name", "well", "findings")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def row(self, client: Client, args: argparse.Namespace) -> Row:
        return client.site(args.name)


class Check(Rows):
    """Look into all that a launch at a site stands on. Ends with 1 if something is wrong."""

    columns = ("what", "well", "text")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:
        findings: list[Row] = client.site(args.name)["findings"]
        return findings

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Iterable[Any]
    ) -> int:
        rows = list(data)
        super().produce_output(parsed_args, column_names, rows)
        wrong = [str(what) for what, well, _ in rows if not well]
        if wrong:
            raise Unavailable(f"site {parsed_args.name}: not well: {', '.join(wrong)}")
        return 0
