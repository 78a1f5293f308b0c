"""elastic replica | explain | server | store | upgrade | quarantine ..."""

import argparse
from collections.abc import Sequence

from elastic.cli.asking import Do, One, Rows
from elastic.cli.shapes import Row
from elastic.client import Client
from elastic.errors import Conflict

MOST_WEIGHT = 100


class ReplicaList(Rows):
    """List the replicas: who leads, who looks after how much, and how each is."""

    columns = (
        "member",
        "host",
        "pid",
        "leads",
        "partitions",
        "weight",
        "able",
        "term",
        "loop_age",
        "store",
        "bus",
    )
    brief = ("member", "host", "pid", "leads", "partitions", "weight", "store", "bus")

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:  # noqa: ARG002
        return client.replicas()


class ReplicaDrain(Do):
    """Have a replica hand its partitions and its roles over, for maintenance; it stays so over restarts."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("member", metavar="MEMBER")
        parser.add_argument(
            "--weight",
            type=_weight,
            default=0.0,
            help="its share beside the others': 0 (default) is none, 1 what `replica undrain` gives back",
        )

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.drain_replica(args.member, args.weight)


class ReplicaUndrain(Do):
    """Take a drained replica into service again."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("member", metavar="MEMBER")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.drain_replica(args.member, 1.0)


class ReplicaForget(Do):
    """Take a replica that died for good off the list; one that lives is refused."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("member", metavar="MEMBER")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.forget_replica(args.member)


class Explain(Rows):
    """Say why a domain is as it is: its last decisions, newest last."""

    owned = True
    columns = ("time", "member", "term", "inputs", "stages", "actions", "reason")
    brief = ("time", "reason", "actions")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="DOMAIN")
        parser.add_argument("-n", type=count, default=50, metavar="N", help="only the last N (50 are kept)")

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:
        return client.decisions(args.name, args.n)


class ServerList(Rows):
    """List what the cloud has under our mark."""

    owned = True
    columns = ("server_id", "instance_id", "domain", "site", "status", "created", "stray", "pid")
    brief = ("server_id", "instance_id", "domain", "site", "status", "stray", "pid")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--strays",
            action="store_true",
            help="only what no record claims: servers and, for operators who name no owner, ports, volumes, "
            "floating IPs and server groups",
        )
        parser.add_argument(
            "--reap",
            action="store_true",
            help="show them, and have them swept now and not at the next interval: those seen a grace ago, a few "
            "at a time (operators)",
        )

    def shown(self, args: argparse.Namespace) -> Sequence[str]:
        """Among strays are not only servers."""
        columns = super().shown(args)
        return (*columns, "kind") if args.strays or args.reap else columns

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:
        found = client.servers(args.strays or args.reap)
        if args.reap:
            client.reap_strays()
        return found


class StoreCheck(One):
    """Read the whole store, and say what does not fit together."""

    columns = ("uid", "format", "partitions", "domains", "instances", "problems")

    def row(self, client: Client, args: argparse.Namespace) -> Row:
        args.found = client.check_store()
        return args.found

    def run(self, parsed_args: argparse.Namespace) -> int:
        super().run(parsed_args)
        problems = parsed_args.found["problems"]
        if problems:
            raise Conflict(f"{len(problems)} problems in the store; the first: {problems[0]}")
        return 0


class StoreAccept(Do):
    """After a restore: the store is right as it is, and strays may be swept again."""

    def do(self, client: Client, args: argparse.Namespace) -> None:  # noqa: ARG002
        client.accept_store()


class UpgradeFinish(Do):
    """Let the replicas write the newest format that all of them read."""

    def do(self, client: Client, args: argparse.Namespace) -> None:  # noqa: ARG002
        client.finish_upgrade()


class QuarantineList(Rows):
    """List the domains that nobody visits for a while, because a replica died in a visit to them."""

    columns = ("owner", "domain", "strikes", "until", "member")

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:  # noqa: ARG002
        return client.quarantine()


class QuarantineRelease(Do):
    """Have a domain visited again at once."""

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="DOMAIN")

    def do(self, client: Client, args: argparse.Namespace) -> None:
        client.release_quarantine(args.name)


def _weight(text: str) -> float:
    """For argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MOST_WEIGHT:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_WEIGHT}")
    return value


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)
