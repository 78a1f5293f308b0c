"""elastic domain ..."""

import argparse
from collections.abc import Sequence

from elastic.cli import inputs
from elastic.cli.asking import Do, One, Rows
from elastic.cli.shapes import Row
from elastic.client import Client
from elastic.errors import BadRequest

COLUMNS = ("owner", "name", "engine", "status", "desired", "running", "unhealthy", "paused")


class _Named(Do):
    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")


class _Configuring(_Named):
    waits = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--file", metavar="FILE", help="config in YAML or JSON, in sections general, engine_conf, health"
        )
        parser.add_argument(
            "--set",
            dest="assignments",
            type=inputs.assignment,
            action="append",
            default=[],
            metavar="SECTION.KEY=VALUE",
            help="a key's value, as YAML writes it; goes before the file's; may be repeated",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        parsed_args.config = inputs.joined(parsed_args.file, parsed_args.assignments)
        return super().take_action(parsed_args)


class Add(_Configuring):
    """Add a domain: a group of instances under one policy."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--definition", required=True, metavar="NAME", help="what it is made from")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.add_domain(args.name, args.definition, args.config)
        self.wait(args, client.until_settled(args.name, args.timeout))


class Reconfigure(_Configuring):
    """Change a domain's config, all at once."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--unset",
            type=inputs.key_path,
            action="append",
            default=[],
            metavar="SECTION.KEY",
            help="a key to drop; may be repeated",
        )

    def do(self, client: Client, args: argparse.Namespace) -> None:
        if not args.config and not args.unset:
            raise BadRequest("nothing to change: give --file, --set section.key=VALUE or --unset section.key")
        client.reconfigure_domain(args.name, args.config, args.unset)
        self.wait(args, client.until_settled(args.name, args.timeout))


class Remove(_Named):
    """Remove a domain and all its servers."""

    waits = True

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.remove_domain(args.name)
        self.wait(args, client.until_removed(args.name, args.timeout))


class Pause(_Named):
    """Have nothing decided, launched or terminated; health is still judged."""

    waits = True

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.pause_domain(args.name)
        self.wait(args, client.until_paused(args.name, args.timeout))


class Resume(_Named):
    """End a pause, and clear the brake."""

    waits = True

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.resume_domain(args.name)
        self.wait(args, client.until_settled(args.name, args.timeout))


class Subscribe(_Named):
    """Have a subscriber's queue told of a domain's states."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("subscriber", metavar="SUBSCRIBER")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.subscribe(args.name, args.subscriber)


class Unsubscribe(Subscribe):
    """Tell a subscriber no longer of a domain's states."""

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.unsubscribe(args.name, args.subscriber)


class List(Rows):
    """List the domains."""

    owned = True
    columns = COLUMNS

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--all-owners", action="store_true", help="everybody's (operators only)")

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:
        return client.domains(args.all_owners)


class Show(One):
    """Show a domain."""

    owned = True
    columns = (*COLUMNS, "config", "conditions", "sensor_data", "slot", "partition", "member")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def row(self, client: Client, args: argparse.Namespace) -> Row:
        return client.domain(args.name)
