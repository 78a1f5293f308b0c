"""One who sends too much: the member stays up and hears all others, its memory stays flat, nothing comes again."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from elastic.adapters.bus import topology
from elastic.adapters.bus.signing import instance_key, sign
from elastic.conf import secret
from elastic.model.domain import DomainKey
from elastic.rules.ring import slot_of
from tests.functional.cluster import until
from tests.functional.real import USER, VM_USER, RealCluster
from tests.hostile.peer_flood import Flood, Message, Watched, beats, calls
from tests.servers.process import free_port
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

pytestmark = [pytest.mark.functional, pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS, A_SECOND = 10.0, 5000
GROWTH = 64 * 1024 * 1024
"""Bytes that a member may grow by: its queues are bounded. A flood of these lengths carries far more."""

WEB = DomainKey(USER, "web")
ILL = {"MISSING", "OUT_OF_CONTACT", "ZOMBIE"}


def told(line: str) -> None:
    """For whoever runs this with -s."""
    sys.stderr.write(f"{line}\n")


class Site:
    """One agent on real servers, whose domain `web` has three VMs; the loud one speaks as the first of them."""

    def __init__(self, cluster: RealCluster, vhost: str) -> None:
        self.cluster, self.vhost = cluster, vhost
        port = free_port()
        cluster.write()
        host = cluster.hosts["a"]
        host.config.write_text(f"{host.config.read_text()}\n[metrics]\nlisten = 127.0.0.1:{port}\n")
        cluster.start()
        cluster.add_domains({"web": 3})
        self.agent = Watched(host.process.pid, port)
        self.names = [row["instance_id"] for row in cluster.client.instances("web")]
        self._secret = secret.read(cluster.directory / "secret")
        self.servers = cluster.vms()

    @property
    def loud(self) -> str:
        return self.names[0]

    def url(self, user: str) -> str:
        return self.cluster.rabbitmq.url(user, vhost=self.vhost)

    def beat(self, number: int, boot: str = "loud", **more: Any) -> tuple[bytes, str]:
        said = {"node_id": self.loud, "owner": USER, "domain_id": "web", "boot": boot, "seq": number, **more}
        body = json.dumps(said).encode()
        return body, sign(instance_key(self._secret, self.loud), body)

    def messages(self) -> int:
        """In all queues but the subscribers', which nobody empties; those given out and not acknowledged too."""
        lines = self.cluster.rabbitmq.ctl("list_queues", "-p", self.vhost, "name", "messages").splitlines()
        queues = (line.split() for line in lines if line and not line.startswith("elastic.subscriber."))
        return sum(int(messages) for _name, messages in queues)

    def outages(self) -> int:
        """How often the member lost the bus, as it says."""
        return sum("no bus for" in line for line in self.cluster.hosts["a"].said())

    def heartbeats(self) -> dict[str, int]:
        return self.agent.counts("heartbeats", "result")

    def is_well(self) -> None:
        """It answers, and all VMs are heard: nobody has been taken for missing, or was replaced."""
        rows = self.cluster.client.instances("web")
        assert [row["instance_id"] for row in rows] == self.names
        assert not {row["health"] for row in rows} & ILL
        assert all(row["last_heartbeat_age"] is not None for row in rows)

    def goes_on(self, seconds: float) -> float:
        """Be well for so long; how long the slowest look took."""
        ends, slowest = time.monotonic() + seconds, 0.0
        while (began := time.monotonic()) < ends:
            self.is_well()
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.2)
        return slowest

    def hears_loud(self) -> None:
        """Once, so that it is known what it said."""
        heard = self.heartbeats()["heard"]
        messages = beats(lambda number: self.beat(number), topology.heartbeats_name("test"), slot_of(WEB))
        with Flood(self.url(VM_USER), 10, messages):
            until(lambda: self.heartbeats()["heard"] > heard + 5)

    def is_as_before(self) -> None:
        """Once all that was sent is through: nothing waits, nothing came again, the same VMs live."""
        until(lambda: self.messages() == 0, 120, "something stays in a queue")
        self.is_well()
        assert self.cluster.vms() == self.servers
        assert self.cluster.living() == ["a"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, zookeeper: ZooKeeper, rabbitmq: RabbitMQ) -> Iterator[Site]:
    chroot, vhost = "/flooded", "flooded"
    with zookeeper.superuser() as client:
        client.create(chroot)
    rabbitmq.replace_vhosts([], [vhost])
    place: Path = tmp_path_factory.mktemp("flooded") / "data"
    with RealCluster(place, [zookeeper], rabbitmq, chroot=chroot, vhost=vhost, members=("a",)) as cluster:
        yield Site(cluster, vhost)


@dataclass(frozen=True, slots=True)
class Flooded:
    """What became of a flood. `is_telling`: no starved host cut the member off from the broker, whose queue goes
    with the connection, nor the flood itself, and no message waited for so long that the broker drops it."""

    sent: int
    heard: int
    is_telling: bool
    slowest: float
    growth: int


def flooded(site: Site, boot: str, a_second: int) -> Flooded:
    before, memory, outages = site.heartbeats()["heard"], site.agent.resident(), site.outages()
    messages = beats(lambda number: site.beat(number, boot=boot), topology.heartbeats_name("test"), slot_of(WEB))
    with Flood(site.url(VM_USER), a_second, messages, ahead=int(a_second * SECONDS)) as flood:
        began = time.monotonic()
        slowest = site.goes_on(SECONDS)
        during = site.agent.resident()
    site.is_as_before()
    in_time = time.monotonic() - began < topology.HEARTBEAT_SECONDS
    return Flooded(
        sent=flood.sent,
        heard=site.heartbeats()["heard"] - before,
        is_telling=in_time and site.outages() == outages and not flood.cut,
        slowest=slowest,
        growth=max(during, site.agent.resident()) - memory,
    )


def test_a_vm_that_sends_5000_heartbeats_a_second(site: Site) -> None:
    """Its own, rightly signed: each is heard. A host that is too busy for so many is tried with fewer."""
    for share in (1, 2, 4, 4):
        seen = flooded(site, f"loud{share}", A_SECOND // share)
        told(
            f"{seen.sent / SECONDS:.0f} heartbeats/s, slowest look {seen.slowest:.2f} s, {seen.growth >> 10:+} kB"
        )
        assert seen.growth < GROWTH
        if seen.is_telling:
            break
    assert seen.is_telling, f"the host was too busy each time: {seen}"
    assert seen.sent > 1000 * SECONDS, f"that was no flood: {seen}"
    assert seen.heard >= seen.sent, f"none is lost: the queue holds more than these: {seen}"


LIES = ("unsigned", "stale", "unknown", "malformed", "misplaced", "oversized", "forged_probe")


def lie(site: Site, kind: str, number: int) -> tuple[bytes, str]:
    match kind:
        case "unsigned":
            return site.beat(number)[0], "0" * 64
        case "stale":
            return site.beat(0, boot="loud")
        case "unknown":
            return site.beat(number, node_id=f"i-{number}")
        case "malformed":
            return b"[" * 5000, "0" * 64
        case "misplaced":
            return site.beat(number, owner="bob")
        case "oversized":
            return b"x" * 70_000, "0" * 64
        case _:
            return b"a/guess/%d" % (number % 32), "probe"


def lied(site: Site, a_second: float) -> tuple[dict[str, int], Flood]:
    """What was counted before the lies, and these. If the host cut them off, once more."""
    for _ in range(3):
        before = site.heartbeats()
        messages = beats(
            lambda number: lie(site, LIES[number % len(LIES)], number),
            topology.heartbeats_name("test"),
            slot_of(WEB),
        )
        with Flood(site.url(VM_USER), a_second, messages) as flood:
            site.goes_on(5.0)
        site.is_as_before()
        if not flood.cut:
            return before, flood
    pytest.fail(f"cut off each time: {flood.cut}")


def test_vms_that_lie_without_end(site: Site) -> None:
    """All kinds in turn, 3,000 a second: each is counted, and keeps no other from being heard."""
    site.hears_loud()
    memory = site.agent.resident()
    before, flood = lied(site, 3000)

    def miscounted() -> dict[str, tuple[int, int]]:
        """Of each kind that is not counted as it was sent: both. What the broker has yet to take in counts too."""
        after, found = site.heartbeats(), {}
        for number, kind in enumerate(LIES):
            sent, counted = (
                len(range(number or len(LIES), flood.sent + 1, len(LIES))),
                after[kind] - before.get(kind, 0),
            )
            if sent != counted:
                found[kind] = (sent, counted)
        return found

    until(lambda: not miscounted(), 60, miscounted)
    assert site.agent.resident() - memory < GROWTH


UNDECODABLE = (b"not json", b'{"op": 7}')
GARBAGE = (*UNDECODABLE, b'{"op": "fly"}', b'{"op": "describe_domain", "args": {"x": 1}}')


def garbage(number: int) -> bytes:
    return GARBAGE[number % len(GARBAGE)]


def subscribing(number: int) -> bytes:
    op = "unsubscribe_domain" if number % 2 == 0 else "subscribe_domain"
    return json.dumps({"op": op, "args": {"domain_id": "web", "subscriber_name": "pager"}}).encode()


CALLS = {"garbage": (garbage, "ann", 400), "subscriptions": (subscribing, USER, 50)}


@pytest.mark.parametrize("kind", CALLS)
def test_an_account_that_calls_without_end(site: Site, kind: str) -> None:
    make, user, a_second = CALLS[kind]
    memory, threads = site.agent.resident(), site.agent.threads()
    messages: Iterator[Message] = calls(make, topology.rpc_exchange("test").name, user)
    with Flood(site.url(user), a_second, messages) as flood:
        slowest = site.goes_on(5.0)
    site.is_as_before()
    told(f"{flood.sent / 5:.0f} calls/s of {kind}, slowest look {slowest:.2f} s, {site.agent.threads()} threads")
    assert site.agent.resident() - memory < GROWTH
    assert site.agent.threads() <= threads + 8
    assert not flood.cut
    if kind == "garbage":
        refused = site.agent.counts("messages_refused", "reason")
        assert refused["undecodable"] == sum(garbage(number) in UNDECODABLE for number in range(1, flood.sent + 1))


def test_a_vm_that_names_addresses_that_are_none(site: Site) -> None:
    """RabbitMQ ends the connection of whoever writes to a forged one; the others are asked all the same."""
    forged = "amq.rabbitmq.reply-to.g2dhcmJhZ2U=.kcOqYhXRz3T4nDV5C1LoWQ=="
    messages = beats(
        lambda number: site.beat(number, boot=f"b{number}"),
        topology.heartbeats_name("test"),
        slot_of(WEB),
        reply_to=forged,
    )
    with Flood(site.url(VM_USER), 1000, messages):
        site.goes_on(3.0)
    site.is_as_before()
