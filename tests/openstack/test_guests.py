"""RUNNING means that the agent inside has spoken: its settings come with the user data, its silence costs it
its place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.cluster import until
from tests.openstack.cluster import TYPE, OpenStackCluster
from tests.openstack.guests import Guests, settings_of
from tests.openstack.stack import Stack

SPEAKS = {**TYPE, "common": {**TYPE["common"], "contextualization": "heartbeat"}}


@pytest.fixture
def guests(stack: Stack, tmp_path: Path) -> Iterator[Guests]:
    guests = Guests(stack, tmp_path / "guests")
    yield guests
    guests.close()


def states(cluster: OpenStackCluster) -> list[str]:
    return sorted(row["state"] for row in cluster.client.domain("web")["instances"] if row["state"] < "700")


def test_a_server_runs_when_its_agent_has_spoken_and_is_replaced_when_it_falls_silent(
    cluster: OpenStackCluster, guests: Guests
):
    cluster.serve(size=2, kind=SPEAKS)
    until(lambda: states(cluster) == ["500-STARTED"] * 2, 60, lambda: states(cluster))
    guests.boot([server.id for server in cluster.servers()])
    cluster.until_served(2)
    assert {row["health"] for row in cluster.client.instances("web")} == {"OK"}
    silent = cluster.servers()[0].id
    guests.silence(silent)

    def is_replaced() -> bool:
        """The new one is a guest as well."""
        there = [server.id for server in cluster.servers()]
        guests.boot([name for name in there if name != silent])
        return silent not in there

    until(is_replaced, 120, "the silent one is still there")
    until(lambda: is_replaced() and states(cluster) == ["600-RUNNING"] * 2, 120, lambda: states(cluster))
    cluster.remove_all()


@pytest.mark.unhurried
def test_the_settings_are_its_own_and_hold_no_secret_of_the_clusters(cluster: OpenStackCluster):
    cluster.serve(size=2, kind=SPEAKS)
    until(lambda: len(cluster.servers()) == 2, 60)
    told = {s.metadata["elastic:instance"]: settings_of(cluster.stack, s.id) for s in cluster.servers()}
    assert {name: said["instance_id"] for name, said in told.items()} == {name: name for name in told}
    assert len({said["key"] for said in told.values()}) == 2
    secret = (cluster.directory / "secret").read_text().strip()
    for said in told.values():
        assert secret not in str(said)
        assert "elastic:elastic@" not in said["bus"], "that is the members' account"
    cluster.remove_all()
