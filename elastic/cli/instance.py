"""elastic instance ..."""

import argparse
from collections.abc import Sequence

from elastic.cli.asking import Do, One, Rows
from elastic.cli.shapes import Row
from elastic.client import Client

COLUMNS = (
    "instance_id",
    "domain",
    "state",
    "state_time",
    "health",
    "health_time",
    "last_heartbeat_age",
    "site",
    "server_id",
    "public_ip",
    "private_ip",
    "reason",
)


class List(Rows):
    """List the instances of a domain, or of all."""

    owned = True
    columns = COLUMNS
    brief = ("instance_id", "domain", "state", "health", "last_heartbeat_age", "site", "reason")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--domain", metavar="NAME", help="only those of this domain")

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:
        return client.instances(args.domain)


class Show(One):
    """Show an instance."""

    owned = True
    columns = (*COLUMNS, "pid", "extravars", "errors", "ipv6", "parts", "console", "work", "drain", "metrics")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID")

    def row(self, client: Client, args: argparse.Namespace) -> Row:
        return client.instance(args.id)


class Terminate(Do):
    """Terminate an instance; it is replaced if its domain's size asks for it."""

    owned = waits = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.terminate_instance(args.id)
        self.wait(args, client.until_terminated(args.id, args.timeout))


class Protect(Do):
    """Have shrinking pass an instance over."""

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.protect_instance(args.id)


class Unprotect(Do):
    """Let shrinking choose an instance again."""

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.unprotect_instance(args.id)
