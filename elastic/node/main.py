"""`elastic-node`: the agent inside a VM. It tells the cluster that the VM is alive and how its units are."""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from msgspec.structs import replace

from elastic.adapters.bus.address import checked_url
from elastic.adapters.bus.voice import KombuVoice
from elastic.errors import ElasticError
from elastic.node.agent import Agent, Mouth, Voice
from elastic.node.drain import Drain, filled
from elastic.node.logfile import LOG_LIMIT, BoundedStream
from elastic.node.numbers import numbers, work_in
from elastic.node.settings import PLACE, VARIABLE, Settings, read_settings, settings_path
from elastic.node.units import Report, look, watchers


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[_log()])
    try:
        settings = read_settings(settings_path())
        checked_url(settings.bus, "bus")
        voice: Voice = KombuVoice(settings.bus, settings.cluster, settings.slot, settings.instance_id)
        drain = Drain(filled(settings.drain, settings.filled), time.monotonic)
        agent = _agent(settings, voice, drain)
        return _once(agent, voice) if arguments.once else _for_ever(agent, drain)
    except ElasticError as error:
        sys.stderr.write(f"elastic-node: {error}\n")
        return 1


def _log() -> logging.Handler:
    limit = os.environ.get(LOG_LIMIT, "")
    return BoundedStream(sys.stderr, int(limit)) if limit.isdecimal() else logging.StreamHandler(sys.stderr)


def _agent(settings: Settings, voice: Voice, drain: Drain) -> Agent:
    mouth = Mouth(settings, boot=os.urandom(8).hex())
    watching, tell = watchers(settings.units), numbers(settings.metrics, settings.filled)
    work = settings.filled(settings.work)

    def whole() -> Report:
        return replace(look(watching), metrics=tell(), work=work_in(work))

    return Agent(mouth, voice, whole, settings.interval, drain)


def _once(agent: Agent, voice: Voice) -> int:
    logging.getLogger("elastic").setLevel(logging.ERROR)  # what went wrong is said once, in the end
    voice.start(lambda: None)
    try:
        agent.beat()
    finally:
        voice.stop()
    return 0


def _for_ever(agent: Agent, drain: Drain) -> int:
    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as `signal` calls it
        """At once: the kernel hangs up for us, and the bus drops the queue of a connection that is gone."""
        try:
            drain.close()  # it has a session of its own, and would outlive us
        finally:
            os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    agent.run()
    return 0


class _Version(argparse.Action):
    """Looked up when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"elastic-node {version('elastic')}\n")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="elastic-node",
        description="Send signed heartbeats of this machine to the elastic cluster.",
        epilog=f"Settings are read from the JSON file that {VARIABLE} names, else from {PLACE}.",
    )
    parser.add_argument(
        "--once", action="store_true", help="send one heartbeat; exit 0 if the bus took it, else 1"
    )
    parser.add_argument(
        "--instance", metavar="ID", help="does nothing; shows whose agent this is in a list of processes"
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
