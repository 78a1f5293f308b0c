"""What every cloud does, simulated or of processes."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elastic.adapters.bus.kombu import sqlite_url
from elastic.adapters.cloud.local import LocalCloud
from elastic.adapters.cloud.simulated import SimulatedCloud
from elastic.adapters.cloud.weather import Weather
from elastic.errors import ServerGone
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Order, Server, ServerStatus
from elastic.ports.cloud import Cloud

CLUSTER = "5d7e"
SITE = "ec2-east"
PATIENCE = 20.0
KNOWN = {ServerStatus.BUILD, ServerStatus.ACTIVE, ServerStatus.ERROR}


class HandClock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return 1.7e9 + self.time

    def monotonic(self) -> float:
        return self.time


class SimulatedWorld:
    def __init__(self) -> None:
        self.clock = HandClock()
        weather = Weather(boot=(5, 20), listing_lag=(0, 5), delete=(1, 5), latency=(0, 1))
        self._cloud = SimulatedCloud(self.clock, seed=7, weather=weather)
        self.cloud: Cloud = self._cloud
        self.user_data: dict[str, object] = {}

    def eventually(self, condition: Callable[[], bool]) -> bool:
        for _ in range(100):
            if condition():
                return True
            self.clock.time += 1.0
        return False

    def kill(self, server: Server) -> None:
        self._cloud.kill(server.server_id)

    def now(self) -> float:
        return self.clock.now()

    def close(self) -> None: ...


class LocalWorld:
    def __init__(self, folder: Path) -> None:
        self._cloud = LocalCloud(folder / "cloud")
        self.cloud: Cloud = self._cloud
        self.user_data: dict[str, object] = {
            "bus": sqlite_url(folder / "bus.db"),
            "cluster": CLUSTER,
            "slot": 7,
            "instance_id": "i-007-1-1",
            "owner": "ann",
            "domain": "web",
            "key": "00" * 32,
        }

    def eventually(self, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.02)
        return False

    def kill(self, server: Server) -> None:
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)

    def now(self) -> float:
        return time.time()

    def close(self) -> None:
        self._cloud.stop_all()


World = SimulatedWorld | LocalWorld


@pytest.fixture(params=["simulated", pytest.param("local", marks=pytest.mark.functional)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = SimulatedWorld() if request.param == "simulated" else LocalWorld(tmp_path)
    yield made
    made.close()


def order(world: World, number: int = 1, **changes: object) -> Order:
    mark = Mark(cluster=CLUSTER, key=DomainKey("ann", "web"), incarnation=1, instance_id=f"i-007-1-{number}")
    fields = {"mark": mark, "site": SITE, "deployable_type": "worker", "user_data": world.user_data}
    return Order(**{**fields, **changes})  # type: ignore[arg-type]


def status(world: World, server: Server) -> ServerStatus:
    return world.cloud.server(SITE, server.server_id, 5).status


def is_gone(world: World, server: Server) -> bool:
    try:
        return status(world, server) is ServerStatus.DELETED
    except ServerGone:
        return True


def ids_listed(world: World, **changes: object) -> set[str]:
    asked = {"site": SITE, "cluster": CLUSTER, "timeout": 5, **changes}
    return {server.server_id for server in world.cloud.servers(**asked)}  # type: ignore[arg-type]


def test_a_server_comes_up(world: World) -> None:
    server = world.cloud.create(order(world), 5)
    assert server.status in (ServerStatus.BUILD, ServerStatus.ACTIVE)
    assert world.eventually(lambda: status(world, server) is ServerStatus.ACTIVE)


def test_a_server_is_known_to_get_at_once_and_to_listings_in_time(world: World) -> None:
    server = world.cloud.create(order(world), 5)
    assert status(world, server) in KNOWN
    assert world.eventually(lambda: ids_listed(world) == {server.server_id})


def test_two_creates_make_two_servers_of_one_mark(world: World) -> None:
    made = {world.cloud.create(order(world), 5).server_id for _ in range(2)}
    assert len(made) == 2
    assert world.eventually(lambda: ids_listed(world, instance_id="i-007-1-1") == made)


def test_servers_are_found_by_their_mark_and_site(world: World) -> None:
    first = world.cloud.create(order(world, 1), 5)
    second = world.cloud.create(order(world, 2), 5)
    assert world.eventually(lambda: ids_listed(world) == {first.server_id, second.server_id})
    assert ids_listed(world, instance_id="i-007-1-2") == {second.server_id}
    assert ids_listed(world, instance_id="i-007-1-") == set()
    assert ids_listed(world, cluster="another") == set()
    assert ids_listed(world, site="another") == set()


@pytest.mark.parametrize(
    ("owner", "name"),
    [("-", "--help"), ("..a", "a..b"), ("@", "x" * 128), ("a.b@c-d_e", "None"), ("null", "0")],
)
def test_a_mark_comes_back_as_it_was_given(world: World, owner: str, name: str) -> None:
    mark = Mark(cluster=CLUSTER, key=DomainKey(owner, name), incarnation=12, instance_id="i-fff-12-345")
    server = world.cloud.create(order(world, mark=mark), 5)
    assert server.mark == mark
    assert world.cloud.server(SITE, server.server_id, 5).mark == mark
    assert world.eventually(lambda: bool(ids_listed(world)))
    assert [found.mark for found in world.cloud.servers(SITE, CLUSTER, 5)] == [mark]


def test_a_deleted_server_goes_and_stays_away(world: World) -> None:
    stays, goes = world.cloud.create(order(world, 1), 5), world.cloud.create(order(world, 2), 5)
    world.cloud.delete(SITE, goes.server_id, 10)
    assert world.eventually(lambda: is_gone(world, goes))
    assert world.eventually(lambda: ids_listed(world) == {stays.server_id})
    with pytest.raises(ServerGone):
        world.cloud.delete(SITE, goes.server_id, 5)
    assert status(world, stays) in KNOWN


@pytest.mark.parametrize("server_id", ["never-made", "", ".", "..", "../servers", "a/b", "\n", "\0"])
def test_what_is_not_there_is_said_to_be_gone(world: World, server_id: str) -> None:
    world.cloud.create(order(world), 5)
    with pytest.raises(ServerGone):
        world.cloud.server(SITE, server_id, 5)
    with pytest.raises(ServerGone):
        world.cloud.delete(SITE, server_id, 5)


def test_a_server_is_not_at_another_site(world: World) -> None:
    server = world.cloud.create(order(world), 5)
    with pytest.raises(ServerGone):
        world.cloud.server("elsewhere", server.server_id, 5)
    with pytest.raises(ServerGone):
        world.cloud.delete("elsewhere", server.server_id, 5)
    assert status(world, server) in KNOWN


def test_a_server_whose_guest_died_is_in_error_and_can_still_be_deleted(world: World) -> None:
    server = world.cloud.create(order(world), 5)
    assert world.eventually(lambda: status(world, server) is ServerStatus.ACTIVE)
    world.kill(server)
    assert world.eventually(lambda: status(world, server) is ServerStatus.ERROR)
    assert "ended" in world.cloud.server(SITE, server.server_id, 5).fault
    assert world.eventually(lambda: ids_listed(world) == {server.server_id})
    world.cloud.delete(SITE, server.server_id, 5)
    assert world.eventually(lambda: is_gone(world, server))


def test_every_site_type_and_allocation_will_do(world: World) -> None:
    odd = order(world, site="ü/..", deployable_type="no-such", allocation="huge", vars={"a": [1]})
    server = world.cloud.create(odd, 5)
    assert server.site == "ü/.."
    assert "ü/.." in world.cloud.sites()
    assert world.cloud.server("ü/..", server.server_id, 5).site == "ü/.."


def test_a_server_tells_when_it_was_made(world: World) -> None:
    before = world.now()
    server = world.cloud.create(order(world), 5)
    assert before <= server.created <= world.now()
