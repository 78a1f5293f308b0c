"""The kill-point matrices: at each point of each walk, each fault to each role's leader and to a plain member.

Three agents on real servers, a session of 2 s, the `local` cloud. After each fault the end has to be right within
`BOUND`: as many servers as were asked for, one for each record, none besides. A member that leads one role may be
plain in another, so one fault may fill several cells of the matrix; in the end none may be empty.
"""

import contextlib
import signal
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import pytest

from elastic.errors import Conflict, NotFound
from elastic.model.assignment import ROLES
from tests.functional.cluster import until
from tests.functional.real import RealCluster

pytestmark = [pytest.mark.functional, pytest.mark.slow]

BOUND = 60.0  # seconds from the fault to the right end
FEW, MANY = 1, 2  # instances a domain, before and after a reconfiguration

Fault = Callable[[RealCluster, str], None]
At = Callable[[str], None]
Walk = Callable[[RealCluster, Sequence[str], At], None]


def stop(cluster: RealCluster, member: str) -> None:
    assert cluster.stop_agent(member) == 0


def kill(cluster: RealCluster, member: str) -> None:
    cluster.kill(member, signal.SIGKILL)


def expire(cluster: RealCluster, member: str) -> None:
    cluster.expire(member)


def cut(cluster: RealCluster, member: str) -> None:
    cluster.cut(member, 2.0)


FAULTS: dict[str, Fault] = {"stopped": stop, "killed": kill, "expired": expire, "cut off for 2 s": cut}


def add_and_remove(cluster: RealCluster, names: Sequence[str], at: At) -> None:
    at("adding: about to be asked")
    for name in names:
        insist(cluster.client.add_domain, name, "test", size(FEW), done_before=Conflict)
    at("adding: answered")
    until(lambda: cluster.vms(), BOUND)
    at("adding: the first server lives")
    cluster.until_settled(dict.fromkeys(names, FEW), BOUND)

    at("removing: about to be asked")
    before = cluster.vms()
    for name in names:
        insist(cluster.client.remove_domain, name, done_before=NotFound)
    at("removing: answered")
    until(lambda: not before <= cluster.vms(), BOUND)
    at("removing: the first server is gone")
    until(lambda: not cluster.vms() and not cluster.client.domains(), BOUND, "something is left")


def reconfigure(cluster: RealCluster, names: Sequence[str], at: At) -> None:
    """The domains are there, with FEW each, and are so afterwards."""
    before = cluster.vms()
    at("more: about to be asked")
    for name in names:
        insist(cluster.client.reconfigure_domain, name, size(MANY))
    at("more: answered")
    until(lambda: cluster.vms() - before, BOUND)
    at("more: the first server lives")
    cluster.until_settled(dict.fromkeys(names, MANY), BOUND)
    assert cluster.vms() >= before, "a server died of our own fault"

    at("fewer: about to be asked")
    grown = cluster.vms()
    for name in names:
        insist(cluster.client.reconfigure_domain, name, size(FEW))
    at("fewer: answered")
    until(lambda: not grown <= cluster.vms(), BOUND)
    at("fewer: the first server is gone")
    cluster.until_settled(dict.fromkeys(names, FEW), BOUND)


def size(count: int) -> dict[str, object]:
    return {"engine_conf": {"preserve_n": count}}


def insist(call: Callable[..., object], *args: object, done_before: type[Exception] | None = None) -> None:
    """Until it is answered; one whose answer was lost may have been done, and says so by `done_before`."""

    def asked() -> bool:
        with contextlib.suppress(*([done_before] if done_before else [])):
            call(*args)
        return True

    until(asked, BOUND)


class Cell(NamedTuple):
    fault: str
    point: str
    role: str
    leads: bool


class Matrix:
    """What has been tried so far."""

    def __init__(self, cluster: RealCluster) -> None:
        self._cluster = cluster
        self.filled: set[Cell] = set()

    def hit(self, fault: str, point: str, role: str, leads: bool) -> None:
        """With all three there, do it to the leader of that role, or to a member that is plain in it."""
        self.make_whole()
        member = self._cluster.leader(role)["member"] if leads else self._cluster.plain_member(role)
        rows = until(self._cluster.client.replicas)  # whom it meets may have just lost its session
        led = next(row["leads"] for row in rows if row["member"] == member)
        FAULTS[fault](self._cluster, member)
        self.filled |= {Cell(fault, point, name, name in led) for name in ROLES}

    def make_whole(self) -> None:
        for member in self._cluster.dead():
            self._cluster.start_agent(member)
        self._cluster.until_whole()


WALKS: dict[str, tuple[Walk, tuple[str, ...]]] = {
    "add and remove": (
        add_and_remove,
        (
            "adding: about to be asked",
            "adding: answered",
            "adding: the first server lives",
            "removing: about to be asked",
            "removing: answered",
            "removing: the first server is gone",
        ),
    ),
    "reconfigure": (
        reconfigure,
        (
            "more: about to be asked",
            "more: answered",
            "more: the first server lives",
            "fewer: about to be asked",
            "fewer: answered",
            "fewer: the first server is gone",
        ),
    ),
}


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("domains", [1, 16])
@pytest.mark.parametrize("walk", WALKS)
def test_the_end_is_right_whatever_dies_wherever(real_cluster: RealCluster, walk: str, domains: int) -> None:
    cluster, matrix, names = real_cluster, Matrix(real_cluster), [f"d{number}" for number in range(domains)]
    go, points = WALKS[walk]
    cluster.start()
    cluster.add_domains(dict.fromkeys(names, FEW) if walk == "reconfigure" else {})

    half = len(points) // 2
    for fault, pair in product(FAULTS, zip(points[:half], points[half:], strict=True)):
        for role, leads in product(ROLES, (True, False)):
            if {Cell(fault, point, role, leads) for point in pair} <= matrix.filled:
                continue

            def at(point: str, pair=pair, fault=fault, role=role, leads=leads) -> None:
                if point in pair:
                    matrix.hit(fault, point, role, leads)

            go(cluster, names, at)

    matrix.make_whole()
    assert {(cell.fault, cell.point) for cell in matrix.filled} == set(product(FAULTS, points))
    assert len(matrix.filled) == len(FAULTS) * len(points) * len(ROLES) * 2
    assert cluster.client.servers(strays=True) == []
