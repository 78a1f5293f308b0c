"""`elastic run`: an embedded cluster in the foreground."""

import argparse
import os
import signal

from cliff.command import Command

from elastic.cli import place
from elastic.replica.lifeline import Lifeline
from elastic.supervisor import household

MOST = 32


class Run(Command):
    """Run a cluster on this host: a supervisor, N replicas, and servers: processes of this host, or a cloud's.

    Prints `ready` when every replica is in the ring, then a line an event. SIGTERM or Ctrl-C stops it, and
    local servers with it; what is in a cloud stays there.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        place.add_directory(parser)
        parser.add_argument("--replicas", type=_replicas, default=3, metavar="N", help="how many replicas (3)")
        parser.add_argument(
            "--cloud", metavar="NAME", help="local, or a name in clouds.yaml (what DIR was made with, else local)"
        )
        parser.add_argument("--parent-pipe", type=int, metavar="FD", help=argparse.SUPPRESS)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.parent_pipe is not None:
            Lifeline(parsed_args.parent_pipe, lambda: os.kill(os.getpid(), signal.SIGTERM)).watch()
        household.run(parsed_args.data, parsed_args.replicas, parsed_args.cloud)
        return 0


def _replicas(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"it has to be a number from 1 to {MOST}")
    return int(text)
