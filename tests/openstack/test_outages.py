"""Parts of the control plane are away for half a minute: no server is lost for it, and none is doubled."""

import time

import pytest

from tests.functional.cluster import until
from tests.openstack.cluster import OpenStackCluster

AWAY = 30.0


def stays_away(stack, *services: str, seconds: float = AWAY) -> None:
    with stack.without(*services):
        time.sleep(seconds)  # this is the outage, and not a wait for anything


@pytest.mark.parametrize(
    "service",
    [
        "nova-api",
        pytest.param("keystone", marks=pytest.mark.unhurried),
        pytest.param("placement", marks=pytest.mark.unhurried),
        pytest.param("rabbitmq", marks=pytest.mark.unhurried),
    ],
)
def test_it_is_away_in_the_middle_of_a_launch(cluster, service):
    cluster.serve(size=2)
    cluster.until_served(2)
    kept = {server.id for server in cluster.servers()}
    cluster.resize(8)
    until(lambda: len(cluster.client.domain("web")["instances"]) > 2, 30)
    stays_away(cluster.stack, service)
    cluster.until_served(8, bound=240)
    assert kept <= {server.id for server in cluster.servers()}, "an outage cost a server that ran"
    cluster.remove_all(bound=240)


@pytest.mark.unhurried
def test_while_the_api_is_away_the_domain_says_so(cluster):
    cluster.serve(size=1)
    cluster.until_served(1)
    with cluster.stack.without("nova-api"):
        cluster.resize(2)

        def says_so() -> bool:
            conditions = cluster.client.domain("web")["conditions"]
            return any(c["type"] == "ProvisioningFailed" and c["status"] for c in conditions)

        until(says_so, 60, lambda: cluster.client.domain("web")["conditions"])
    cluster.until_served(2)
    cluster.remove_all()


@pytest.mark.unhurried
def test_a_password_that_was_changed_is_said_and_costs_no_server(start):
    cluster: OpenStackCluster = start(clouds="mini-password")
    kind = {
        "common": {"image": "cirros", "flavor": "tiny", "contextualization": "none"},
        "sites": {"mini-password": {}},
    }
    cluster.serve(size=2, kind=kind, force_site="mini-password")
    cluster.until_served(2)
    kept = {server.id for server in cluster.servers()}
    identity = cluster.stack.admin.identity
    demo = identity.find_user("demo")
    identity.update_user(demo, password="another")  # noqa: S106 - of a cloud of our own
    try:

        def said() -> dict[str, str]:
            findings = cluster.client.site("mini-password")["findings"]
            return {f["what"]: f["text"] for f in findings if not f["well"]}

        until(lambda: "credentials" in said(), 90, said)
        assert "the credentials are not accepted" in said()["credentials"]
        assert {server.id for server in cluster.servers()} == kept
    finally:
        identity.update_user(demo, password="secret")  # noqa: S106
    cluster.resize(3)
    cluster.until_served(3)
    assert kept <= {server.id for server in cluster.servers()}
    cluster.remove_all()


@pytest.mark.unhurried
def test_a_dead_compute_host_costs_no_server_that_nova_still_calls_active(cluster):
    """Whoever evacuates, Masakari or an operator, finds them; we launch what is new on the hosts that live."""
    cluster.serve(size=4)
    cluster.until_served(4)
    kept = {server.id for server in cluster.servers()}
    with cluster.stack.without("nova-compute-fake-a"):
        time.sleep(15)  # until Nova itself knows
        cluster.resize(6)
        until(lambda: len([s for s in cluster.servers() if s.status == "ACTIVE"]) >= 6, 120)
        assert kept <= {server.id for server in cluster.servers()}
    cluster.until_served(6)
    cluster.remove_all()
