"""What a user asks about sites, types and servers, answered by the real thing."""

import json

import pytest

from tests.openstack.cluster import TYPE


def test_a_site_is_looked_into(cluster):
    done = cluster.cli("site", "check", "mini", "-f", "json")
    assert done.returncode == 0, done.stderr
    findings = {row["what"]: row["text"] for row in json.loads(done.stdout)}
    assert "project demo" in findings["credentials"]
    assert "servers can be tagged" in findings["compute"]
    assert findings["clock"].startswith("within")
    assert any("ports:" in row["text"] for row in json.loads(done.stdout) if row["what"] == "quota")
    assert [row["name"] for row in cluster.json("site", "list")] == ["mini"]


def test_a_type_is_checked_against_the_site(cluster, tmp_path):
    file = tmp_path / "type.json"
    wrong = {"image": "nothing", "flavor": "tiny", "networks": ["net", "none"]}
    file.write_text(json.dumps({"sites": {"mini": wrong}}))
    done = cluster.cli("type", "add", "web", "--file", str(file), "--check")
    assert done.returncode == 1
    for lack in ("image 'nothing'", "network 'none'"):
        assert f"sites.mini: {lack}: there is none such at site mini" in done.stderr
    assert cluster.client.types() == []
    file.write_text(json.dumps(TYPE))
    assert cluster.cli("type", "add", "web", "--file", str(file), "--check").returncode == 0


@pytest.mark.unhurried
def test_the_newest_image_with_a_property_is_taken(cluster):
    kind = {"sites": {"mini": {**TYPE["common"], "image": {"os_distro": "mini"}}}}
    cluster.serve(size=1, kind=kind)
    cluster.until_served(1)
    (server,) = cluster.servers()
    assert server.image.id == cluster.stack.admin.image.find_image("cirros").id
    cluster.remove_all()


def test_addresses_of_both_kinds_are_told(cluster):
    cluster.serve(size=1, kind={"sites": {"mini": {**TYPE["common"], "networks": ["net6"]}}})
    cluster.until_served(1)
    row = cluster.client.instances("web")[0]
    shown = cluster.client.instance(row["instance_id"])
    assert row["private_ip"].startswith("10.21.")
    assert shown["ipv6"].startswith("fd00:21:")
    cluster.remove_all()


def test_a_servers_mark_is_in_its_name_its_tags_and_its_metadata(cluster):
    cluster.serve(size=1)
    cluster.until_served(1)
    (server,) = cluster.servers()
    instance = cluster.client.instances("web")[0]["instance_id"]
    assert server.name == f"elastic-{cluster.uid[:8]}-web-{instance}"
    assert sorted(
        cluster.stack.admin.compute.get(f"/servers/{server.id}/tags", microversion="2.26").json()["tags"]
    ) == sorted([f"elastic:{cluster.uid}", "elastic:domain:elastic:web", instance])
    assert server.metadata == {
        "elastic:cluster": cluster.uid,
        "elastic:owner": "elastic",
        "elastic:domain": "web",
        "elastic:incarnation": "1",
        "elastic:instance": instance,
    }
    cluster.remove_all()


def test_an_operator_empties_the_cluster_and_brings_it_back(cluster):
    cluster.serve(size=3)
    cluster.until_served(3)
    assert cluster.cli("disable").returncode == 0
    assert cluster.cli("terminate-all", "--wait", "--timeout", "50").returncode == 0
    assert cluster.servers() == []
    assert cluster.cli("enable").returncode == 0
    cluster.until_served(3)
    cluster.remove_all()
