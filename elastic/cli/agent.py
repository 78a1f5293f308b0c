"""`elastic-agent`: one replica."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from types import FrameType

from elastic.cli import streams
from elastic.errors import ElasticError
from elastic.rules.showing import one_line

REFUSED = 1
BROKEN = 70  # unlike a refusal, worth another try: a supervisor starts us again


def main(argv: Sequence[str] | None = None) -> None:
    """Ends the process itself: no thread that hangs may hold up its end."""
    streams.hold()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_before_begun)
    code = _run(_parser().parse_args(argv))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_before_begun(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)


def _run(given: argparse.Namespace) -> int:
    # here, and not above: they take a second, in which a signal may come
    from elastic.conf import settings
    from elastic.conf.settings import Settings
    from elastic.replica import run_replica

    try:
        conf = settings.load(given.config_file, given.config_dir, given.member)
        member = Settings.of(conf).default.member
        return run_replica(conf, member, parent_pipe=given.parent_pipe, log_file=given.log_file)
    except ElasticError as refusal:
        print(f"elastic-agent: {one_line(str(refusal))}", file=sys.stderr)
        return REFUSED
    except Exception:
        logging.getLogger(__name__).critical("the replica broke", exc_info=True)
        return BROKEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="elastic-agent",
        description="One replica of a cluster. Prints `ready` when it is in the ring. SIGTERM stops it cleanly, "
        "SIGHUP has it read again the options that may change while it runs.",
    )
    parser.add_argument("--version", action="version", version=f"elastic {version('elastic')}")
    parser.add_argument(
        "--config-file", action="append", required=True, metavar="FILE", help="may be given more than once"
    )
    parser.add_argument(
        "--config-dir", action="append", default=[], metavar="DIR", help="all its *.conf, read after the files"
    )
    parser.add_argument("--member", metavar="ID", help="name of this replica, unique in the cluster")
    parser.add_argument("--log-file", metavar="FILE", help="log there, too (rotated)")
    parser.add_argument("--parent-pipe", type=int, metavar="FD", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
