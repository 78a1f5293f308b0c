"""`elastic demo`: a guided run; it counts as done only if all of it was seen."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from cliff.command import Command

from elastic.cli.guided.cluster import Cluster, ClusterEnded, Sight, temporary_cluster
from elastic.cli.guided.screen import Drawn, Plain, Screen
from elastic.cli.guided.stage import LOCAL, Host, OpenStack, Stage
from elastic.cli.guided.story import DOMAIN, REPLICAS, Step, Told, steps
from elastic.errors import ElasticError, Unavailable

_LOOK = 0.2  # seconds between two looks
_CLEAR_AWAY = "stopping the cluster and clearing away its directory"


class Demo(Command):
    """Show a cluster at work: VMs come up, one is killed, the leader is killed, all is healed.

    Needs nothing but this host; works in a temporary directory and leaves nothing behind.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--seconds",
            type=_seconds,
            metavar="S",
            help="give up after so long, with exit 1 (110; in a cloud 300)",
        )
        parser.add_argument(
            "--cloud", metavar="NAME", default=LOCAL, help="with real servers: a name in clouds.yaml"
        )
        for what, default in (("image", "cirros"), ("flavor", "tiny"), ("network", "net")):
            parser.add_argument(f"--{what}", default=default, metavar="NAME", help=f"there ({default})")
        parser.add_argument("--plain", action="store_true", help="no colours, no cursor movement")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        began = time.monotonic()
        screen = _screen(parsed_args.plain, began)
        stage = _stage(parsed_args)
        seconds = parsed_args.seconds or stage.seconds
        with _termination_as_interrupt(), temporary_cluster(REPLICAS, stage.cloud, stage.hears) as cluster:
            guide = Guide(cluster, screen, began + seconds)
            failure = guide.run(steps(stage))
            left = _left_behind(cluster) if failure and not stage.hears else []
            print(_CLEAR_AWAY, flush=True)
        _summarise(guide.told, time.monotonic() - began, failure)
        if left:
            print(f"elastic demo: left in {stage.cloud}, delete them there: {', '.join(left)}", file=sys.stderr)
        return 1 if failure else 0


class Guide:
    """Takes the steps one after another. `deadline` is in monotonic seconds."""

    def __init__(self, cluster: Cluster, screen: Screen, deadline: float) -> None:
        self.told: list[Told] = []
        self._cluster = cluster
        self._screen = screen
        self._deadline = deadline
        self._sight = Sight()

    def run(self, steps: Iterable[Step]) -> str | None:
        """Return why not all of it was seen, if so."""
        try:
            for step in steps:
                if not self._take(step):
                    return f"not seen in time: {self.told[-1].title}"
        except ClusterEnded as end:
            return f"the cluster has ended: {end}"
        return None

    def _take(self, step: Step) -> bool:
        self.told.append(Told(step.title, time.monotonic()))
        told = self.told[-1]
        step.begin(self._cluster, self._sight)
        told.title = step.title
        self._screen.show(self.told, self._sight, self._deadline - time.monotonic())
        while (left := self._deadline - time.monotonic()) > 0:
            outcome = self._look(step)
            if outcome is not None:
                told.took, told.outcome = time.monotonic() - told.began, outcome
                self._screen.show(self.told, self._sight, left)
                return True
            self._screen.show(self.told, self._sight, left)
            time.sleep(_LOOK)
        return False

    def _look(self, step: Step) -> str | None:
        """A replica that was just killed may have had our question in hand: the next look tells."""
        try:
            self._sight = self._cluster.look(DOMAIN)
            return step.seen(self._sight)
        except Unavailable:
            return None


def _stage(args: argparse.Namespace) -> Stage:
    return Host() if args.cloud == LOCAL else OpenStack(args.cloud, args.image, args.flavor, args.network)


def _left_behind(cluster: Cluster) -> list[str]:
    """What is in the cloud and will stay there, as far as can be known; the domain is asked to go all the same."""
    try:
        cluster.client.remove_domain(DOMAIN)
        for _ in cluster.client.until_removed(DOMAIN, timeout=60.0):
            pass
        return [str(row["server_id"]) for row in cluster.client.servers()]
    except ElasticError as trouble:
        return [f"(not known: {trouble})"]


def _screen(plain: bool, now: float) -> Screen:
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb" or "NO_COLOR" in os.environ:
        return Plain(sys.stdout, now)
    return Drawn(sys.stdout)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP tidy up as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summarise(told: list[Told], total: float, failure: str | None) -> None:
    print()
    for number, step in enumerate(told, 1):
        took = f"{step.took:5.1f} s" if step.took is not None else "  -    "
        print(f"{number}. {took}  {step.title}")
    print(f"   {total:5.1f} s  in all, with the clearing away")
    print()
    if failure:
        print(f"elastic demo: {failure}", file=sys.stderr)
    else:
        print("All of it was seen: VMs up, a VM replaced, a leader replaced, no VM lost.")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value
