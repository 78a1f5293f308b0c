"""What is made for a server beside it, by the real openstacksdk, at a small OpenStack of the tests' own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom
from elastic.model.parts import Part, PartKind
from elastic.model.recipe import Volume
from elastic.rules.strays import home_of
from tests.unit.adapters.openstack_services import Services
from tests.unit.adapters.openstack_stub import COMPUTE, NETWORK, SITE, VOLUME, Stub, cloud_at, order

PORT, DISK = PartKind.PORT, PartKind.VOLUME
FLOATING_IP, GROUP = PartKind.FLOATING_IP, PartKind.GROUP
MANY = {PORT: "ports", DISK: "volumes", FLOATING_IP: "floatingips", GROUP: "server_groups"}
PATHS = {
    PORT: f"{NETWORK}/ports",
    DISK: f"{VOLUME}/volumes",
    FLOATING_IP: f"{NETWORK}/floatingips",
    GROUP: f"{COMPUTE}/os-server-groups",
}
ALL = {
    "networks": ("net",),
    "volumes": (Volume(size=1),),
    "floating_ip": "public",
    "group": "anti-affinity",
}

CLUSTER, OWN = "5d7e", "elastic:5d7e"
PORT_NAME, DISK_NAME = "elastic-5d7e-i-001-3-1-port0", "elastic-5d7e-i-001-3-1-volume0"
GROUP_NAME = "elastic-5d7e-i-001-3-group0"
SECONDS = 5.0  # that a call may take


def there(services: Services) -> list[str]:
    """Which kinds of parts there are, by their plurals."""
    return [many for many in MANY.values() for _ in services.all(many)]


def asked_for(stub: Stub, kind: PartKind) -> list[dict]:
    """What each request to make one asked for."""
    return [next(iter(wish.body.values())) for wish in stub.said("POST", PATHS[kind])]


# What is made.


def test_a_port_is_made_on_each_network(cloud, services):
    services.put("networks", name="back")
    parts = cloud.prepare(order(networks=("net", "back")), SECONDS)
    first, second = services.all("ports")
    assert parts == (Part(PORT, first["id"], 0), Part(PORT, second["id"], 1))
    assert [(port["name"], port["description"]) for port in (first, second)] == [
        ("elastic-5d7e-i-001-3-1-port0", OWN),
        ("elastic-5d7e-i-001-3-1-port1", OWN),
    ]
    names = {network["id"]: network["name"] for network in services.all("networks")}
    assert [names[port["network_id"]] for port in (first, second)] == ["net", "back"]


def test_a_port_has_the_security_groups_by_their_ids(cloud, services):
    group = services.put("security_groups", name="ssh", project_id="project-1")
    cloud.prepare(order(networks=("net",), security_groups=("ssh",)), SECONDS)
    assert services.all("ports")[0]["security_groups"] == [group["id"]]


def test_without_any_named_the_security_groups_are_left_to_the_cloud(cloud, services):
    cloud.prepare(order(networks=("net",)), SECONDS)
    assert "security_groups" not in services.all("ports")[0]


def test_a_volume_bears_its_instance_s_name_and_its_cluster(cloud, services):
    volumes = (Volume(size=3, type="ssd"), Volume(size=4))
    cloud.prepare(order(volumes=volumes), SECONDS)
    first, second = services.all("volumes")
    assert (first["name"], first["metadata"], first["size"]) == (DISK_NAME, {"elastic:cluster": CLUSTER}, 3)
    assert (first["volume_type"], second["name"]) == ("ssd", "elastic-5d7e-i-001-3-1-volume1")


@pytest.mark.parametrize(
    ("wanted", "known", "zone"),
    [
        ("east", ["nova", "east"], "east"),
        ("east", ["nova"], None),
        (None, ["nova"], None),
    ],
    ids=["Cinder has it", "Cinder has zones of its own", "any"],
)
def test_a_volume_is_made_in_the_zone_of_its_server_where_cinder_has_that(cloud, services, wanted, known, zone):
    services.volume_zones = known
    cloud.prepare(order(volumes=(Volume(size=1),), availability_zone=wanted), SECONDS)
    assert services.all("volumes")[0].get("availability_zone") == zone


def test_a_floating_ip_is_attached_to_the_first_port(cloud, services):
    services.put("networks", name="back")
    parts = cloud.prepare(order(networks=("net", "back"), floating_ip="public"), SECONDS)
    address = services.all("floatingips")[0]
    assert address["port_id"] == parts[0].part_id
    assert address["floating_network_id"] == services.all("networks")[1]["id"]
    assert parts[2] == Part(FLOATING_IP, address["id"])


@pytest.mark.parametrize("policy", ["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"])
def test_a_group_is_one_for_all_instances_of_a_domain(stub, cloud, services, policy):
    first = cloud.prepare(order(1, group=policy), SECONDS)
    group = services.all("server_groups")[0]
    assert first == (Part(GROUP, group["id"]),)
    assert (group["name"], group["policy"]) == (GROUP_NAME, policy)
    asked = len(stub.asked)
    assert cloud.prepare(order(12, group=policy), SECONDS) == first
    assert len(stub.asked) == asked, "it is remembered"


def test_a_group_that_is_there_already_is_named_to_the_scheduler_and_none_is_made(stub, cloud, services):
    services.put("server_groups", name="ours", policy="affinity", members=[])
    wanted = order(server_group="ours")
    assert cloud.prepare(wanted, SECONDS) == ()
    cloud.create(wanted, SECONDS)
    assert stub.said("POST", f"{COMPUTE}/servers")[0].body["os:scheduler_hints"] == {
        "group": services.all("server_groups")[0]["id"]
    }


# What is there is taken.


@pytest.mark.parametrize("kind", ALL_KINDS := [PORT, DISK, FLOATING_IP, GROUP])
def test_what_was_made_is_found_again_after_a_lost_reply_and_not_made_twice(stub, cloud, services, kind):
    stub.lose_reply("POST", PATHS[kind])
    with pytest.raises(CloudUnavailable):
        cloud.prepare(order(**ALL), SECONDS)
    parts = cloud.prepare(order(**ALL), SECONDS)
    assert [part.kind for part in parts] == ALL_KINDS
    assert there(services) == list(MANY.values())
    assert {part.part_id for part in parts} == {services.all(many)[0]["id"] for many in MANY.values()}


def test_another_process_finds_what_the_first_has_made(stub, cloud, tmp_path, services):
    parts = cloud.prepare(order(**ALL), SECONDS)
    assert cloud_at(stub, tmp_path).prepare(order(**ALL), SECONDS) == parts
    assert there(services) == list(MANY.values())


def test_of_several_the_oldest_is_taken_but_what_is_kept_goes_before_it(cloud, services):
    old = services.put("ports", name=PORT_NAME, id="b")["id"]
    services.pass_time(60)
    young = services.put("ports", name=PORT_NAME, id="a")["id"]
    wanted = {"networks": ("net",)}
    assert cloud.prepare(order(**wanted), SECONDS) == (Part(PORT, old),)
    assert cloud.prepare(order(parts=(Part(PORT, young),), **wanted), SECONDS) == (Part(PORT, young),)
    assert cloud.prepare(order(parts=(Part(PORT, "gone"),), **wanted), SECONDS) == (Part(PORT, old),)


def test_of_several_groups_the_kept_one_goes_first(cloud, services):
    first, second = (services.put("server_groups", name=GROUP_NAME, policy="affinity")["id"] for _ in range(2))
    assert cloud.prepare(order(group="affinity"), SECONDS) == (Part(GROUP, first),)
    assert cloud.prepare(order(parts=(Part(GROUP, second),), group="affinity"), SECONDS) == (Part(GROUP, second),)


def test_a_floating_ip_that_is_found_is_attached_to_the_port_that_is_there_now(cloud, services):
    wanted = {"networks": ("net",), "floating_ip": "public"}
    port, address = cloud.prepare(order(**wanted), SECONDS)
    cloud.release(SITE, port, SECONDS)
    new, same = cloud.prepare(order(**wanted), SECONDS)
    assert (same, services.all("floatingips")[0]["port_id"]) == (address, new.part_id)
    assert new != port


@pytest.mark.parametrize(
    "kept", [(), (Part(GROUP, "server_groups-0005"),)], ids=["a new one", "one that tries again"]
)
def test_a_changed_policy_holds_for_every_launch_after_it(cloud, services, kept):
    hard = cloud.prepare(order(1, group="anti-affinity"), SECONDS)
    assert hard == (Part(GROUP, "server_groups-0005"),)
    soft = cloud.prepare(order(2, group="soft-anti-affinity", parts=kept), SECONDS)
    assert soft != hard
    assert [group["policy"] for group in services.all("server_groups")] == ["anti-affinity", "soft-anti-affinity"]
    assert cloud.prepare(order(3, group="anti-affinity"), SECONDS) == hard


def test_the_groups_of_both_policies_are_found_as_their_domain_s(cloud):
    made = [cloud.prepare(order(group=policy), SECONDS)[0] for policy in ("affinity", "soft-affinity")]
    found = cloud.parts(SITE, CLUSTER, SECONDS)
    assert {each.part for each in found} == {*made}
    assert {home_of(each.home) for each in found} == {(1, 3, None)}


# Volumes come to be by and by.


@pytest.mark.parametrize(
    "statuses", [("available",), ("creating", "available"), ("creating", "downloading", "available")]
)
def test_a_volume_is_waited_for_until_it_is_available(cloud, services, statuses):
    services.new_volumes = statuses
    parts = cloud.prepare(order(volumes=(Volume(size=1),)), SECONDS)
    assert parts == (Part(DISK, services.all("volumes")[0]["id"]),)


def test_one_on_record_that_a_server_lets_go_of_is_waited_for(cloud, services):
    volume = services.put("volumes", name=DISK_NAME, status="detaching")
    services.will_show(volume["id"], "detaching", "available")
    cloud.prepare(order(volumes=(Volume(size=1),), parts=(Part(DISK, volume["id"]),)), SECONDS)
    assert volume["status"] == "available"


def test_a_volume_that_is_not_available_in_time_is_waited_for_by_the_next_call(cloud, services):
    services.new_volumes = ("creating", "creating", "available")
    wanted = order(volumes=(Volume(size=1),))
    with pytest.raises(CloudUnavailable, match="not ready yet"):
        cloud.prepare(wanted, 0.0)
    assert cloud.prepare(wanted, SECONDS) == (Part(DISK, services.all("volumes")[0]["id"]),)


@pytest.mark.parametrize(("status", "stays"), [("error", False), ("deleting", True), ("error_deleting", True)])
def test_in_place_of_a_volume_that_came_to_nothing_another_is_made(cloud, services, status, stays):
    """One in `error` is deleted. Nova refuses, for ever, a server with one that is being deleted."""
    wanted = order(volumes=(Volume(size=1),))
    services.new_volumes = ("creating", status)
    with pytest.raises(CloudUnavailable, match=f"went to {status}"):
        cloud.prepare(wanted, SECONDS)
    assert len(services.all("volumes")) == stays
    services.new_volumes = ("available",)
    parts = cloud.prepare(wanted, SECONDS)
    assert parts == (Part(DISK, services.all("volumes")[-1]["id"]),)
    assert services.all("volumes")[-1]["status"] == "available"


def test_a_volume_that_cannot_even_be_deleted_refuses_no_order(stub, cloud, services):
    services.new_volumes = ("error",)
    stub.plan("DELETE", PATHS[DISK], 400, "Invalid volume: it is being deleted")
    with pytest.raises(CloudUnavailable, match="went to error"):
        cloud.prepare(order(volumes=(Volume(size=1),)), SECONDS)


def test_a_volume_that_somebody_deletes_meanwhile_refuses_no_order(stub, cloud, services):
    services.new_volumes = ("creating", "creating")
    stub.plan("GET", f"{PATHS[DISK]}/volumes-", 404, "Volume could not be found.")
    with pytest.raises(CloudUnavailable, match="went meanwhile"):
        cloud.prepare(order(volumes=(Volume(size=1),)), SECONDS)


OF_USE = {  # by status: one that is on record, and one that is not
    "available": (True, True),
    "creating": (True, True),
    "in-use": (True, False),
    "reserved": (True, False),
    "attaching": (True, False),
    "detaching": (True, False),
    "deleting": (False, False),
    "error_deleting": (False, False),
    "error": (False, False),
    "error_restoring": (False, False),
}


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "found"])
def test_which_volumes_are_taken(cloud, services, is_kept):
    """One that is on record may be a server's already: another in its place would let a second server be made."""
    taken = {}
    for number, status in enumerate(OF_USE):
        volume = services.put("volumes", name=f"elastic-5d7e-i-001-3-{number}-volume0", status=status)["id"]
        if status in ("creating", "detaching"):
            services.will_show(volume, status, "available")
        kept = (Part(DISK, volume),) if is_kept else ()
        parts = cloud.prepare(order(number, volumes=(Volume(size=1),), parts=kept), SECONDS)
        taken[status] = parts == (Part(DISK, volume),)
    assert taken == {status: by_record if is_kept else by_name for status, (by_record, by_name) in OF_USE.items()}


# Refused in the midst.


def _refuse_volume(stub: Stub) -> None:
    stub.services.quota["volumes"] = 0


def _refuse_address(stub: Stub) -> None:
    stub.services.quota["floatingips"] = 0


def _refuse_group(stub: Stub) -> None:
    stub.services.quota["server_groups"] = 0


def _refuse_type(stub: Stub) -> None:
    stub.plan("POST", PATHS[DISK], 404, "Volume type with name ssd could not be found.")


def _refuse_way(stub: Stub) -> None:
    stub.plan("POST", PATHS[FLOATING_IP], 404, "External network is not reachable from subnet")


REFUSALS = [
    (_refuse_volume, NoRoom),
    (_refuse_address, NoRoom),
    (_refuse_group, NoRoom),
    (_refuse_type, BadOrder),
    (_refuse_way, BadOrder),
]


@pytest.mark.parametrize(("refuse", "kind"), REFUSALS)
def test_what_was_made_before_a_refusal_goes_again(stub, cloud, services, refuse, kind):
    refuse(stub)
    with pytest.raises(kind):
        cloud.prepare(order(**ALL), SECONDS)
    assert there(services) == []


@pytest.mark.parametrize(("refuse", "kind"), REFUSALS[:3])
def test_what_was_there_before_a_refusal_stays(stub, cloud, services, refuse, kind):
    wanted = {"networks": ("net",)}
    parts = cloud.prepare(order(**wanted), SECONDS)
    refuse(stub)
    for kept in ((), parts):
        with pytest.raises(kind):
            cloud.prepare(order(parts=kept, **ALL), SECONDS)
        assert there(services) == ["ports"]


def test_of_many_that_are_refused_a_volume_none_uses_up_the_quota_of_ports(cloud, services):
    services.quota = {"volumes": 0, "ports": 2}
    for number in range(1, 6):
        with pytest.raises(NoRoom, match="volumes"):
            cloud.prepare(order(number, networks=("net",), volumes=(Volume(size=1),)), SECONDS)
    assert there(services) == []


def test_a_group_stays_whoever_is_refused_as_others_may_have_it_already(cloud, services):
    cloud.prepare(order(1, group="affinity"), SECONDS)
    services.quota["volumes"] = 0
    with pytest.raises(NoRoom):
        cloud.prepare(order(2, group="affinity", volumes=(Volume(size=1),)), SECONDS)
    assert there(services) == ["server_groups"]


@pytest.mark.parametrize("status", [409, 500, 0], ids=["refused as well", "an error", "cut"])
def test_a_refusal_is_told_whether_or_not_what_was_made_can_be_deleted(stub, cloud, services, status, caplog):
    services.quota["volumes"] = 0
    stub.plan("DELETE", PATHS[PORT], status, "no")
    with pytest.raises(NoRoom, match="volumes"):
        cloud.prepare(order(**ALL), SECONDS)
    assert there(services) == ["ports"]
    assert f"port {services.all('ports')[0]['id']}" in caplog.text


def test_a_site_that_does_not_answer_is_not_asked_for_each_part_in_turn(stub, cloud, services):
    services.quota["server_groups"] = 0
    stub.plan("DELETE", PATHS[FLOATING_IP])
    with pytest.raises(NoRoom):
        cloud.prepare(order(**ALL), SECONDS)
    assert len(stub.said("DELETE")) == 1


def test_what_nobody_answered_is_left_for_the_next_call(stub, cloud, services):
    stub.plan("POST", PATHS[DISK], 503, "not now")
    with pytest.raises(CloudUnavailable):
        cloud.prepare(order(**ALL), SECONDS)
    assert there(services) == ["ports"]


def test_where_there_is_no_cinder_volumes_are_refused_and_all_else_goes_on(stub, cloud):
    del stub.catalogue["volumev3"]
    with pytest.raises(BadOrder, match="no block storage"):
        cloud.prepare(order(**ALL), SECONDS)
    assert [part.kind for part in cloud.prepare(order(networks=("net",)), SECONDS)] == [PORT]


def test_where_there_are_no_routers_floating_ips_are_refused(stub, cloud, services):
    for method in ("GET", "POST"):
        stub.plan(method, PATHS[FLOATING_IP], 404, "The resource could not be found.")
    with pytest.raises(BadOrder, match="could not be found"):
        cloud.prepare(order(networks=("net",), floating_ip="public"), SECONDS)
    assert there(services) == []


# Released.


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_each_kind_is_released_and_what_is_gone_is_well(cloud, services, kind):
    parts = {part.kind: part for part in cloud.prepare(order(**ALL), SECONDS)}
    for _ in range(2):
        cloud.release(SITE, parts[kind], SECONDS)
        assert there(services) == [many for each, many in MANY.items() if each is not kind]


@pytest.mark.parametrize(
    ("kind", "status", "raised"),
    [
        (PORT, 409, CloudRefused),
        (PORT, 403, BadOrder),
        (DISK, 400, BadOrder),
        (FLOATING_IP, 409, CloudRefused),
        (PORT, 500, CloudUnavailable),
        (GROUP, 0, CloudUnavailable),
    ],
)
def test_why_a_part_is_not_let_go_is_told(stub, cloud, services, kind, status, raised):
    parts = {part.kind: part for part in cloud.prepare(order(**ALL), SECONDS)}
    stub.plan("DELETE", PATHS[kind], status, "it is in use")
    with pytest.raises(raised) as told:
        cloud.release(SITE, parts[kind], SECONDS)
    assert type(told.value) is raised
    assert there(services) == list(MANY.values())


def test_a_volume_whose_delete_is_under_way_is_well(stub, cloud, services):
    """Asked again, as the first answer was lost, Cinder refuses: that says nothing of a server that has it."""
    (disk,) = cloud.prepare(order(volumes=(Volume(size=1),)), SECONDS)
    services.change("volumes", disk.part_id, status="deleting")
    cloud.release(SITE, disk, SECONDS)
    services.change("volumes", disk.part_id, status="in-use")
    with pytest.raises(BadOrder):
        cloud.release(SITE, disk, SECONDS)


def test_a_cinder_that_selects_nothing_by_metadata_is_asked_for_all(stub, cloud, services):
    (disk,) = cloud.prepare(order(volumes=(Volume(size=1),)), SECONDS)
    services.put("volumes", name="somebody's", status="available")
    stub.plan("GET", "/volume/v3/volumes", 400, "Invalid filters metadata are found in query options.")
    assert [found.part for found in cloud.parts(SITE, order().mark.cluster, SECONDS)] == [disk]


def test_what_a_server_has_stays_as_long_as_that(cloud, services):
    parts = cloud.prepare(order(**ALL), SECONDS)
    server = cloud.create(order(parts=parts, **ALL), SECONDS)
    port, disk, _, group = parts
    for part in (port, disk):
        with pytest.raises(CloudRefused):
            cloud.release(SITE, part, SECONDS)
    assert services.all("server_groups")[0]["members"] == [server.server_id]
    cloud.release(SITE, group, SECONDS)
    assert there(services) == list(MANY.values())


def test_a_group_that_was_released_is_not_remembered(cloud, services):
    first = cloud.prepare(order(group="affinity"), SECONDS)
    cloud.release(SITE, first[0], SECONDS)
    second = cloud.prepare(order(group="affinity"), SECONDS)
    assert second == (Part(GROUP, services.all("server_groups")[0]["id"]),)
    assert second != first


def test_a_group_whose_release_was_not_answered_is_not_remembered(stub, cloud):
    first = cloud.prepare(order(group="affinity"), SECONDS)
    stub.lose_reply("DELETE", PATHS[GROUP])
    with pytest.raises(CloudUnavailable):
        cloud.release(SITE, first[0], SECONDS)
    assert cloud.prepare(order(group="affinity"), SECONDS) != first


def test_while_a_group_is_being_asked_for_everything_else_can_be_released(stub, cloud):
    port, *_ = cloud.prepare(order(networks=("net",)), SECONDS)
    hangs = stub.hang("GET", PATHS[GROUP])
    with ThreadPoolExecutor() as threads:
        asking = threads.submit(cloud.prepare, order(group="affinity"), SECONDS)
        assert hangs.met.wait(SECONDS)
        threads.submit(cloud.release, SITE, port, SECONDS).result(SECONDS)
        threads.submit(cloud.release, SITE, Part(GROUP, "another"), SECONDS).result(SECONDS)
        hangs.until.set()
        with pytest.raises(CloudUnavailable):
            asking.result(SECONDS)


def test_who_waits_for_a_group_that_another_asks_for_waits_no_longer_than_for_a_request(cloud):
    cloud._site(SITE).timeout = 0.05
    with cloud._extras[SITE]._groups._asking, pytest.raises(CloudUnavailable, match="still being asked for"):
        cloud.prepare(order(group="affinity"), SECONDS)


def test_many_at_once_share_one_group_and_one_of_them_asks(stub, cloud, services):
    cloud.prepare(order(), SECONDS)
    with ThreadPoolExecutor(8) as threads:
        made = {*threads.map(lambda n: cloud.prepare(order(n, group="affinity"), SECONDS), range(1, 9))}
    assert made == {(Part(GROUP, services.all("server_groups")[0]["id"]),)}
    assert len(stub.said("GET", PATHS[GROUP])) == 1


# Found.


def _put_all(services: Services, cluster: str, home: str = "i-001-3-1", group: str = "i-001-3") -> None:
    own = f"elastic-{cluster}-{home}"
    services.put("ports", name=f"{own}-port0", description=f"elastic:{cluster}")
    services.put("volumes", name=f"{own}-volume0", metadata={"elastic:cluster": cluster}, status="available")
    services.put("floatingips", description=f"{own}-floating_ip0")
    services.put("server_groups", name=f"elastic-{cluster}-{group}-group0", policy="affinity")


def test_all_parts_of_a_cluster_are_found_with_whose_they_are_and_no_others(cloud, services):
    for cluster in (CLUSTER, "5d7", "5d7e5"):
        _put_all(services, cluster)
    for many, key in (("ports", "name"), ("volumes", "name"), ("floatingips", "description")):
        services.put(many, **{key: "somebody's", "metadata": {}, "status": "available"})
    services.put("ports", name="somebody's", description=OWN)
    services.put("server_groups", name="elastic-5d7e-somebody's", policy="affinity")
    found = cloud.parts(SITE, CLUSTER, SECONDS)
    own = [Part(kind, services.all(many)[0]["id"]) for kind, many in MANY.items()]
    assert sorted((each.part.part_id, each.home) for each in found) == sorted(
        (part.part_id, "i-001-3" if part.kind is GROUP else "i-001-3-1") for part in own
    )
    assert {each.part for each in found} == {*own}
    assert {each.created for each in found if each.part.kind is not GROUP} == {1795305600.0}


def test_what_was_made_is_found(cloud):
    parts = cloud.prepare(order(**{**ALL, "networks": ("net", "public")}), SECONDS)
    assert {each.part for each in cloud.parts(SITE, CLUSTER, SECONDS)} == {*parts}


def test_where_there_is_neither_cinder_nor_a_router_the_rest_is_found(stub, cloud, services):
    _put_all(services, CLUSTER)
    del stub.catalogue["volumev3"]
    stub.plan("GET", PATHS[FLOATING_IP], 404, "The resource could not be found.")
    kinds = [each.part.kind for each in cloud.parts(SITE, CLUSTER, SECONDS)]
    assert sorted(kinds) == [GROUP, PORT]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_one_kind_that_cannot_be_listed_is_no_proof_that_there_is_none(stub, cloud, services, kind):
    _put_all(services, CLUSTER)
    stub.plan("GET", PATHS[kind], 500, "broken")
    with pytest.raises(CloudUnavailable):
        cloud.parts(SITE, CLUSTER, SECONDS)


def test_listings_of_many_pages_are_read_to_the_end(cloud, services):
    services.page = 2
    for number in range(1, 6):
        _put_all(services, CLUSTER, f"i-001-3-{number}", f"i-00{number}-3")
    kinds = [each.part.kind for each in cloud.parts(SITE, CLUSTER, SECONDS)]
    assert {kind: kinds.count(kind) for kind in ALL_KINDS} == dict.fromkeys(ALL_KINDS, 5)
