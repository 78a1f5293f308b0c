"""Names, and what they lead to, by the real openstacksdk at a small OpenStack of the tests' own."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from elastic.adapters.cloud.openstack.choices import FRESH
from elastic.adapters.cloud.openstack.site import Site
from elastic.errors import BadOrder, CloudUnavailable
from tests.contract.clocks import HandClock
from tests.unit.adapters.openstack_stub import COMPUTE, IMAGE, NETWORK, PROJECT, SITE, Stub, cloud_at

PATHS = {
    "image": f"{IMAGE}/images",
    "flavor": f"{COMPUTE}/flavors",
    "network": f"{NETWORK}/networks",
    "security_group": f"{NETWORK}/security-groups",
    "server_group": f"{COMPUTE}/os-server-groups",
}
KINDS = list(PATHS)
OWN = {"project_id": PROJECT}
DEBIAN = {"os_distro": "debian", "os_version": "13"}


@pytest.fixture
def site(stub: Stub, tmp_path, clock: HandClock) -> Site:
    return cloud_at(stub, tmp_path, clock)._site(SITE)


def choose(site: Site, kind: str, wanted: str | Mapping[str, str]) -> str:
    with site.asked():
        return str(getattr(site.choices, kind)(wanted))


@pytest.mark.parametrize("kind", KINDS)
def test_a_thing_is_found_by_its_name_and_by_its_id(site, services, kind):
    services.put(f"{kind}s", name="another", **OWN)
    thing = services.put(f"{kind}s", name="this", **OWN)
    assert choose(site, kind, "this") == thing["id"]
    assert choose(site, kind, thing["id"]) == thing["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_is_refused_with_its_name_and_the_site_s(site, kind):
    with pytest.raises(BadOrder, match=rf"{kind.replace('_', ' ')} 'this': .* none such at site {SITE}"):
        choose(site, kind, "this")


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_of_a_name_none_is_taken_but_by_its_id(site, services, kind):
    _, second = (services.put(f"{kind}s", name="this", **OWN) for _ in range(2))
    with pytest.raises(BadOrder, match="several of that name: give its id"):
        choose(site, kind, "this")
    assert choose(site, kind, second["id"]) == second["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_site_that_does_not_answer_is_no_site_without_it(stub, site, services, kind):
    thing = services.put(f"{kind}s", name="this", **OWN)
    for status in (500, 0):
        stub.plan("GET", PATHS[kind], status, "broken")
        with pytest.raises(CloudUnavailable):
            choose(site, kind, "this")
    assert choose(site, kind, "this") == thing["id"]


def test_what_was_found_is_remembered_for_a_minute(stub, site, services, clock):
    old = services.put("images", name="this")
    assert choose(site, "image", "this") == old["id"]
    services.change("images", old["id"], name="that")
    new = services.put("images", name="this")
    asked = len(stub.asked)
    clock.advance(FRESH - 1)
    assert choose(site, "image", "this") == old["id"]
    assert len(stub.asked) == asked
    clock.advance(1)
    assert choose(site, "image", "this") == new["id"]


def test_what_was_not_found_is_looked_for_again(site, services):
    with pytest.raises(BadOrder):
        choose(site, "flavor", "this")
    assert choose(site, "flavor", services.put("flavors", name="this")["id"])
    assert choose(site, "flavor", "this")


def test_one_name_may_lead_to_things_of_two_kinds(site, services):
    image, network = services.put("images", name="this"), services.put("networks", name="this")
    assert choose(site, "image", "this") == image["id"]
    assert choose(site, "network", "this") == network["id"]


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        ([{**DEBIAN}, {**DEBIAN}], 1),
        ([{**DEBIAN}, {**DEBIAN, "status": "queued"}], 0),
        ([{**DEBIAN}, {**DEBIAN, "os_version": "12"}], 0),
        ([{**DEBIAN}, {"os_distro": "debian"}], 0),
        ([{**DEBIAN}, {**DEBIAN, "more": "yes"}, {}], 1),
        ([{"os_distro": "debian"}, {"os_version": "13"}], None),
        ([{**DEBIAN, "status": "deactivated"}], None),
    ],
    ids=["the newest", "active", "all alike", "all there", "others as well", "none has both", "none is active"],
)
def test_an_image_by_its_properties_is_the_newest_active_one_that_has_them_all(site, services, images, chosen):
    put = []
    for image in images:
        services.pass_time(60)
        put.append(services.put("images", **{"name": "x", "status": "active", **image})["id"])
    if chosen is None:
        with pytest.raises(BadOrder, match="image 'os_distro=debian, os_version=13'"):
            choose(site, "image", DEBIAN)
    else:
        assert choose(site, "image", DEBIAN) == put[chosen]


def test_a_security_group_is_the_project_s_own_whoever_else_has_one_of_that_name(site, services):
    """An administrator is shown all: each project has a `default`."""
    services.put("security_groups", name="default", project_id="project-2")
    own = services.put("security_groups", name="default", **OWN)
    services.put("security_groups", name="default", project_id="project-3")
    assert choose(site, "security_group", "default") == own["id"]


def test_of_many_that_look_for_the_same_one_asks(stub, site):
    """A domain's first launches look for it all at once."""
    choose(site, "image", "cirros")
    plan = stub.hang("GET", PATHS["network"])
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(site.choices.network, "net") for _ in range(8)]
        assert plan.met.wait(10)
        asked = len(stub.said("GET", PATHS["network"]))
        plan.until.set()
        told = [each.exception() for each in found]
    assert asked == 1
    assert sum(isinstance(error, Exception) for error in told) == 1, "the one whose connection was cut"
