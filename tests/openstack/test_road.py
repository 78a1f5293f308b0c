"""By a road that loses one reply in five, answers 503 to creates that were done, dawdles and hides what is new."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.cluster import until
from tests.openstack.cluster import OpenStackCluster
from tests.openstack.conftest import Start
from tests.openstack.road import Badness, Road, clouds_by
from tests.openstack.stack import Stack

BAD = Badness(lost=0.2, unavailable=0.2, slow=0.05, slow_by=10.0, hides_new=10.0)
KILLED_EACH = 20.0
QUIET, SURVEY, SWEEP = 30.0, 2.0, 15.0  # seconds; the last two as the agents are configured


@pytest.fixture
def road(stack: Stack) -> Iterator[Road]:
    endpoint = stack.admin.compute.get_endpoint()
    road = Road(endpoint.split("/v2.1")[0])
    road.open()
    yield road
    road.close()


@pytest.fixture
def by_road(start: Start, road: Road, stack: Stack, tmp_path: Path) -> OpenStackCluster:
    return start(clouds_file=clouds_by(road, stack, tmp_path / "clouds.yaml"), settle=30)


class Killer:
    """Kills one replica after the other, and starts it again."""

    def __init__(self, cluster: OpenStackCluster, each: float) -> None:
        self._cluster, self._each, self.killed = cluster, each, 0
        self._trouble: Exception | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(90)
        assert self._trouble is None, f"after {self.killed} it could kill no more: {self._trouble}"

    def _work(self) -> None:
        try:
            self._kill_each()
        except Exception as trouble:
            self._trouble = trouble

    def _kill_each(self) -> None:
        names = list(self._cluster.hosts)
        while not self._done.wait(self._each):
            name = names[self.killed % len(names)]
            self._cluster.kill(name)
            self.killed += 1
            self._cluster.start_agent(name)


def under_a_bad_road(cluster: OpenStackCluster, road: Road, most: int, least: int, bound: float) -> None:
    """Grow to `most`, shrink to `least`; then, on a good road, all is exactly as it should be."""
    cluster.serve(size=0)
    road.badness = BAD
    cluster.resize(most)
    up = lambda: [r for r in cluster.client.domain("web")["instances"] if r["state"] == "600-RUNNING"]  # noqa: E731
    until(lambda: len(up()) >= most * 9 // 10, bound, lambda: f"{len(up())} of {most} run; {dict(road.met)}")
    cluster.resize(least)
    until(lambda: len(up()) <= least, bound, lambda: f"{len(up())} run, not {least}; {dict(road.met)}")
    road.badness = Badness()
    cluster.until_served(least, bound=bound)
    for what in ("lost", "created, and answered with 503", "slow", "hidden"):
        assert road.met[what], f"{what} never came about"
    sys.stdout.write(f"on the road: {dict(road.met)}\n")
    cluster.remove_all(bound=bound)


def test_nothing_is_doubled_left_over_or_lost(by_road: OpenStackCluster, road: Road):
    under_a_bad_road(by_road, road, most=20, least=10, bound=300)


def test_a_quiet_site_costs_one_listing_a_turn_however_many_domains_and_replicas(
    by_road: OpenStackCluster, road: Road
):
    for name in ("one", "two", "three"):
        by_road.serve(name, 1)
    sizes = {"one": 1, "two": 1, "three": 1}
    until(lambda: not by_road.amiss(sizes), 120, lambda: "; ".join(by_road.amiss(sizes)))
    time.sleep(5)  # so that what was under way is over
    road.met.clear()
    time.sleep(QUIET)  # that is what is measured
    asked = dict(road.met)
    turns, sweeps = QUIET / SURVEY, QUIET / SWEEP
    assert asked.pop("GET /servers/detail") <= turns + sweeps + 3
    assert not [
        what for what in asked if what.startswith(("GET", "POST", "DELETE")) and "os-server-groups" not in what
    ]
    by_road.remove_all()


@pytest.mark.long
@pytest.mark.timeout(4000)
def test_nor_of_two_hundred_while_a_replica_dies_every_twenty_seconds(by_road: OpenStackCluster, road: Road):
    begun = time.monotonic()
    with Killer(by_road, KILLED_EACH) as killer:
        under_a_bad_road(by_road, road, most=200, least=100, bound=1500)
    took = time.monotonic() - begun
    sys.stdout.write(f"{killer.killed} replicas killed in {took:.0f} s\n")
    assert killer.killed >= took / KILLED_EACH / 3, "a replica takes a while to come back, and not that long"
