"""elastic definition ..."""

import argparse
from collections.abc import Sequence

from elastic.cli.asking import Do, One, Rows
from elastic.cli.shapes import Row
from elastic.client import Client
from elastic.conf.documents import read_mapping


class _Write(Do):
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--file", required=True, metavar="FILE", help="the definition, in YAML or JSON")


class Add(_Write):
    """Add a definition: a template of domains' config."""

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.add_definition(args.name, args.definition)

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        parsed_args.definition = read_mapping(parsed_args.file)
        return super().take_action(parsed_args)


class Update(Add):
    """Replace a definition. Domains made from it before keep what they have."""

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.update_definition(args.name, args.definition)


class Remove(Do):
    """Remove a definition. Domains made from it stay."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.remove_definition(args.name)


class List(Rows):
    """List the definitions."""

    columns = ("name",)

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:  # noqa: ARG002
        return client.definitions()


class Show(One):
    """Show a definition, and what its engine understands."""

    columns = ("name", "definition", "documentation")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def row(self, client: Client, args: argparse.Namespace) -> Row:
        return client.definition(args.name)
