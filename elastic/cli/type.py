"""elastic type ..."""

import argparse
from collections.abc import Sequence

from elastic.cli.asking import Do, One, Rows
from elastic.cli.shapes import Row
from elastic.client import Client
from elastic.conf.documents import read_mapping


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument(
        "--common", action="store_true", help="the one that is for all owners (operators write it)"
    )


class _Write(Do):
    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        _add_name(parser)
        parser.add_argument("--file", required=True, metavar="FILE", help="the type, in YAML or JSON")
        parser.add_argument(
            "--check",
            action="store_true",
            help="write it only if its user data is not too long and each site, asked now, has all that it names",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        parsed_args.kind = read_mapping(parsed_args.file)
        return super().take_action(parsed_args)


class Add(_Write):
    """Add a deployable type: what to boot, per site."""

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.add_type(args.name, args.kind, args.common, args.check)


class Update(_Write):
    """Replace a deployable type, for new launches only."""

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.update_type(args.name, args.kind, args.common, args.check)
        self.app.stderr.write("What was launched before stays as it is; each new launch takes this.\n")


class Remove(Do):
    """Remove a deployable type. What was launched from it stays; nothing more of it can be launched."""

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        _add_name(parser)

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.remove_type(args.name, args.common)


class List(Rows):
    """List the deployable types: the owner's own, and those that are common to all."""

    owned = True
    columns = ("name", "owner", "sites", "description")

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:  # noqa: ARG002
        return client.types()


class Show(One):
    """Show a deployable type, as a launch would take it."""

    owned = True
    columns = ("name", "owner", "sites", "description", "variables", "type")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        _add_name(parser)

    def row(self, client: Client, args: argparse.Namespace) -> Row:
        return client.type(args.name, args.common)
