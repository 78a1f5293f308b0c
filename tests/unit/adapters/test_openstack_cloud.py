"""The adapter as a whole, where OpenStack does not do as it should: what went out, what was learnt, who waits."""

from pathlib import Path

import pytest
import yaml
from openstack.config import OpenStackConfig

from elastic.adapters.cloud.openstack import OpenStackCloud
from elastic.adapters.cloud.openstack.gate import Gate
from elastic.adapters.cloud.openstack.marks import metadata_of, tags_of
from elastic.adapters.cloud.openstack.pace import Pace
from elastic.adapters.cloud.openstack.site import Site, connector
from elastic.adapters.cloud.place import CloudPlace
from elastic.errors import BadOrder, BadRequest, CloudUnavailable, NoRoom, NotAsked, ServerGone
from elastic.model.recipe import Volume
from elastic.model.server import ServerStatus
from tests.contract.clocks import HandClock
from tests.unit.adapters.openstack_services import VERSIONS
from tests.unit.adapters.openstack_stub import SITE, Stub, cloud_at, order

SERVERS = "/compute/v2.1/servers"
TOKENS = "/identity/v3/auth/tokens"
PATIENCE = 10.0


def made_otherwise(
    stub: Stub, directory: Path, clock: HandClock, rate: float = 0.0, **entry: int
) -> OpenStackCloud:
    """With more in clouds.yaml, and so many requests a second."""
    cloud_at(stub, directory)
    file = directory / "clouds.yaml"
    said = yaml.safe_load(file.read_text())
    said["clouds"][SITE] |= entry
    file.write_text(yaml.safe_dump(said))
    place = CloudPlace(clock=clock, timeout=PATIENCE, clouds=[SITE], clouds_file=str(file))
    return OpenStackCloud.at(place)


def create(cloud: OpenStackCloud, number: int = 1) -> str:
    return cloud.create(order(number), PATIENCE).server_id


def findings(cloud: OpenStackCloud) -> dict[str, tuple[bool, str]]:
    return {finding.what: (finding.is_well, finding.text) for finding in cloud.examine(SITE, PATIENCE)}


# Creates: each goes out once, at once, or not at all.


@pytest.mark.hazard("F5")
@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_create_is_sent_once_whatever_comes_back(stub, tmp_path, clock, status):
    """Also if clouds.yaml asks for retries: whoever finds the attempt counts from its note."""
    cloud = made_otherwise(stub, tmp_path, clock, compute_status_code_retries=3, compute_connect_retries=3)
    stub.plan("POST", SERVERS, status)
    with pytest.raises(CloudUnavailable):
        create(cloud)
    assert len(stub.said("POST", SERVERS)) == 1


def test_a_create_whose_token_was_revoked_is_not_sent_and_the_next_has_a_new_one(stub, cloud):
    create(cloud)
    stub.revoke_tokens()
    with pytest.raises(NotAsked):
        create(cloud, 2)
    assert create(cloud, 2)
    assert len(stub.said("POST", TOKENS)) == 2


def test_any_other_call_gets_a_new_token_by_itself(stub, cloud):
    made = create(cloud)
    stub.services.change("servers", made, status="ACTIVE")
    stub.revoke_tokens()
    assert cloud.server(SITE, made, PATIENCE).status is ServerStatus.ACTIVE


@pytest.mark.parametrize(
    ("method", "path"), [("POST", TOKENS), ("GET", "/compute/v2.1/flavors"), ("GET", "/image/v2/images")]
)
def test_what_fails_before_the_create_went_out_is_no_unknown_outcome(stub, cloud, method, path):
    stub.plan(method, path, 503)
    with pytest.raises(NotAsked):
        create(cloud)
    assert stub.said("POST", SERVERS) == []


def test_of_a_reply_that_was_lost_nobody_knows(stub, cloud):
    stub.lose_reply("POST", SERVERS)
    with pytest.raises(CloudUnavailable) as told:
        create(cloud)
    assert type(told.value) is CloudUnavailable
    (found,) = cloud.servers(SITE, "5d7e", PATIENCE, "i-001-3-1")
    assert found.mark.instance_id == "i-001-3-1"


def test_one_that_would_have_to_wait_for_its_turn_is_not_sent_late(stub, tmp_path, clock):
    cloud_at(stub, tmp_path)
    pace = Pace(clock)
    config = OpenStackConfig(config_files=[str(tmp_path / "clouds.yaml")])
    connect = connector(SITE, config, lambda: Gate(pace, PATIENCE), PATIENCE)
    cloud = OpenStackCloud([Site(SITE, connect, clock, pace, PATIENCE)], clock)
    create(cloud)
    pace.rate = 0.4
    create(cloud, 2)
    with pytest.raises(NotAsked, match=r"more than 0\.4 requests a second") as told:
        create(cloud, 3)
    assert told.value.again == 1.5
    assert len(stub.said("POST", SERVERS)) == 2


# What the cloud tells of a server.


@pytest.mark.hazard("F6")
def test_a_server_of_which_nova_has_lost_sight_is_not_gone(stub, cloud):
    """When a cell's database is away Nova tells of its servers with status UNKNOWN, and without metadata."""
    made = create(cloud)
    stub.services.change("servers", made, status="UNKNOWN", metadata={})
    with pytest.raises(CloudUnavailable, match="does not say whose"):
        cloud.server(SITE, made, PATIENCE)
    with pytest.raises(ServerGone):
        cloud.server(SITE, "nothing", PATIENCE)


def test_one_that_was_deleted_before_it_came_to_a_host_is_missed_within_half_a_minute(stub, cloud, clock):
    """Of such a one Nova keeps nothing, and tells of no change."""
    made = create(cloud)
    stub.services.change("servers", made, status="BUILD")
    assert [server.server_id for server in cloud.servers(SITE, "5d7e", PATIENCE)] == [made]
    del stub.services.things["servers"][made]
    clock.advance(31.0)
    assert cloud.servers(SITE, "5d7e", PATIENCE) == []


# Pauses.


@pytest.mark.parametrize("status", [413, 429, 503])
def test_a_service_that_asks_for_a_pause_gets_it_from_all_and_the_others_go_on(stub, cloud, clock, status):
    cloud.servers(SITE, "5d7e", PATIENCE)
    stub.plan("GET", SERVERS, status, headers={"Retry-After": "120"})
    with pytest.raises(CloudUnavailable) as told:
        cloud.servers(SITE, "5d7e", PATIENCE)
    assert told.value.again == 120.0
    before = len(stub.said("GET", SERVERS))
    with pytest.raises(NotAsked, match="not asked for a while"):
        cloud.servers(SITE, "5d7e", PATIENCE)
    assert len(stub.said("GET", SERVERS)) == before
    assert stub.said("GET", "/network/v2.0/ports") == []
    with pytest.raises(NotAsked):
        cloud.parts(SITE, "5d7e", PATIENCE)  # groups are Nova's
    assert stub.said("GET", "/network/v2.0/ports")
    clock.advance(121.0)
    assert cloud.servers(SITE, "5d7e", PATIENCE) == []


def test_a_full_quota_of_volumes_is_one_domains_trouble(stub, cloud):
    """Cinder says it with 413, by which others ask for a pause."""
    text = "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota."
    stub.plan("POST", "/volume/v3/volumes", 413, text)
    with pytest.raises(NoRoom, match="gigabytes"):
        cloud.prepare(order(volumes=(Volume(size=10),)), PATIENCE)
    assert cloud.servers(SITE, "5d7e", PATIENCE) == []
    assert cloud.parts(SITE, "5d7e", PATIENCE) == []


def test_volumes_where_there_are_none_are_a_wrong_order(stub, tmp_path):
    del stub.catalogue["volumev3"]
    cloud = cloud_at(stub, tmp_path)
    with pytest.raises(BadOrder):
        cloud.prepare(order(volumes=(Volume(size=10),)), PATIENCE)


def test_a_keystone_that_hangs_is_not_waited_for_by_one_after_the_other(stub, tmp_path):
    cloud = cloud_at(stub, tmp_path, timeout=0.3)
    stub.hang("POST", TOKENS)
    with pytest.raises(CloudUnavailable):
        cloud.servers(SITE, "5d7e", 0.3)
    with pytest.raises(NotAsked, match="Keystone does not answer"):
        cloud.servers(SITE, "5d7e", 0.3)
    assert len(stub.said("POST", TOKENS)) == 1


# Whether a site is well.


def test_a_site_that_is_well_says_so_of_each_thing(cloud):
    found = findings(cloud)
    assert [*found] == ["credentials", "compute", "clock", "image", "network", "quota"]
    assert found["credentials"] == (True, "accepted, project demo")
    assert "servers can be tagged" in found["compute"][1]


def test_an_old_nova_is_told_of_and_not_asked_for_more(stub, tmp_path, monkeypatch):
    old = {**VERSIONS["/compute/v2.1"], "version": "2.60"}
    monkeypatch.setitem(VERSIONS, "/compute/v2.1", old)
    cloud = cloud_at(stub, tmp_path)
    found = findings(cloud)
    assert (found["credentials"][0], found["compute"][0]) == (True, False)
    assert "2.1 to 2.60, and elastic needs 2.79" in found["compute"][1]
    with pytest.raises(NotAsked, match=r"2\.79"):
        create(cloud)
    assert stub.said("POST", SERVERS) == []


def test_credentials_that_were_revoked_are_found_out_although_a_token_still_holds(stub, cloud):
    assert findings(cloud)["credentials"][0]
    stub.plan("POST", TOKENS, 401, "The request you have made requires authentication.")
    found = findings(cloud)
    assert [*found] == ["credentials"]
    assert found["credentials"][0] is False
    assert "credentials are not accepted" in found["credentials"][1]


@pytest.mark.parametrize(("is_external", "lacks"), [(True, 0), (False, 1)])
def test_addresses_come_from_an_external_network_alone(stub, cloud, is_external, lacks):
    (public,) = [n for n in stub.services.all("networks") if n["name"] == "public"]
    public["router:external"] = is_external
    found = cloud.lacks(SITE, order(networks=("net",), floating_ip="public").recipe, PATIENCE)
    assert len(found) == lacks
    assert all("'public' of site north is not an external one" in lack for lack in found)


def test_a_type_of_volume_that_the_site_lacks_is_named(stub, cloud):
    stub.plan("GET", "/volume/v3/types", 200, body={"volume_types": [{"id": "t-1", "name": "ssd"}]})
    recipe = order(volumes=(Volume(size=1, type="ssd"), Volume(size=1, type="nvme"))).recipe
    assert cloud.lacks(SITE, recipe, PATIENCE) == ["volume type 'nvme': there is none such at site north"]


def test_what_is_left_of_a_quota_is_told(stub, cloud):
    stub.plan(
        "GET",
        "/compute/v2.1/limits",
        200,
        body={"limits": {"absolute": {"maxTotalInstances": 20, "totalInstancesUsed": 19}}},
    )
    quotas = [(f.is_well, f.text) for f in cloud.examine(SITE, PATIENCE) if f.what == "quota"]
    assert (False, "instances: 1 of 20 left") in quotas


def test_the_domain_of_a_server_is_in_a_tag_too(stub, cloud):
    create(cloud)
    (server,) = stub.services.all("servers")
    assert server["tags"] == tags_of(order().mark) == ["elastic:5d7e", "elastic:domain:ann:web", "i-001-3-1"]
    assert server["metadata"] == metadata_of(order().mark)
    assert server["name"] == "elastic-5d7e-web-i-001-3-1"


def test_a_key_that_is_not_there_is_told_as_one(stub, cloud):
    """The SDK raises an error of its own for it, without a status."""
    assert cloud.lacks(SITE, order(key="me").recipe, PATIENCE) == ["key 'me': there is none such at site north"]
    stub.services.put("keypairs", name="me")
    assert cloud.lacks(SITE, order(key="me").recipe, PATIENCE) == []


# What clouds.yaml says.


def placed(file: Path, name: str = SITE) -> OpenStackCloud:
    return OpenStackCloud.at(CloudPlace(clock=HandClock(), timeout=PATIENCE, clouds=[name], clouds_file=str(file)))


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"auth": {"auth_ulr": "http://north"}}, "auth_url"),
        ({"auth": {"auth_url": "http://north"}, "auth_type": "passwrod"}, "passwrod"),
        (
            {
                "auth_type": "v3applicationcredential",
                "auth": {"auth_url": "http://n", "application_credential_secrt": 1},
            },
            "application credential",
        ),
    ],
)
def test_what_is_wrong_in_an_entry_is_told_in_one_line_with_the_file(tmp_path, entry, fault):
    file = tmp_path / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {SITE: entry}}))
    with pytest.raises(BadRequest, match=rf"^\[cloud\] clouds: 'north' in {file}: .*{fault}"):
        placed(file)


def test_a_cloud_that_is_not_in_it_is_told_with_those_that_are(tmp_path):
    file = tmp_path / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {"north": {}, "south": {}}}))
    with pytest.raises(BadRequest, match=rf"there is no 'nroth' in {file}; there are north, south"):
        placed(file, "nroth")


def test_a_file_that_is_not_there_is_not_passed_over_for_another(tmp_path, monkeypatch):
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"clouds": {SITE: {"auth": {"auth_url": "http://elsewhere"}}}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(other))
    with pytest.raises(BadRequest, match=r"^\[cloud\] clouds_file: .*clouds\.yaml is not a file"):
        placed(tmp_path / "clouds.yaml")


def test_the_file_that_is_named_goes_before_that_of_the_environment(stub, tmp_path, monkeypatch):
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"clouds": {SITE: {"auth": {"auth_url": "http://127.0.0.1:1"}}}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(other))
    monkeypatch.setenv("OS_AUTH_URL", "http://127.0.0.1:1")
    create(cloud_at(stub, tmp_path))
    assert len(stub.said("POST", SERVERS)) == 1
