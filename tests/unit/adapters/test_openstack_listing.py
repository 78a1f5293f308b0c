"""Our servers among all of a project's, read once, and then by what has changed."""

from typing import Any

import pytest

from elastic.adapters.cloud.openstack import OpenStackCloud
from elastic.adapters.cloud.openstack.listing import DOUBTFUL_EACH, WHOLE_EACH
from elastic.adapters.cloud.openstack.marks import metadata_of, tags_of
from elastic.errors import CloudUnavailable
from elastic.model.domain import DomainKey
from elastic.model.server import Mark
from tests.unit.adapters.openstack_services import Services
from tests.unit.adapters.openstack_stub import COMPUTE, SITE, Stub

CLUSTER, SERVERS = "5d7e", f"{COMPUTE}/servers/detail"
SECONDS = 5.0  # that a call may take


def put(services: Services, number: int, cluster: str = CLUSTER, **said: Any) -> str:
    """A server of instance `number`. Its id."""
    mark = Mark(cluster, DomainKey("ann", "web"), 3, f"i-001-3-{number}")
    return str(services.put("servers", metadata=metadata_of(mark), tags=tags_of(mark), **said)["id"])


def listed(cloud: OpenStackCloud, instance: str | None = None) -> dict[str, str]:
    """Statuses by id."""
    return {s.server_id: s.status for s in cloud.servers(SITE, CLUSTER, SECONDS, instance)}


def questions(stub: Stub) -> list[dict[str, str]]:
    """What each page was asked for with."""
    return [{key: v for key, v in wish.query.items() if key != "limit"} for wish in stub.said("GET", SERVERS)]


def test_a_listing_of_many_pages_is_read_to_the_end(stub, cloud, services):
    services.page = 2
    ids = [put(services, number) for number in range(1, 6)]
    assert list(listed(cloud)) == ids
    tags = {"tags": "elastic:5d7e"}
    assert questions(stub) == [tags, {**tags, "marker": ids[1]}, {**tags, "marker": ids[3]}]


def test_changes_of_many_pages_are_read_to_the_end(cloud, services):
    services.page = 2
    listed(cloud)
    ids = [put(services, number) for number in range(1, 6)]
    assert list(listed(cloud)) == ids


def test_after_the_first_listing_it_is_asked_for_what_has_changed_by_nova_s_own_clock(stub, cloud, services):
    listed(cloud)
    services.pass_time(600)
    listed(cloud)
    listed(cloud)
    assert questions(stub) == [
        {"tags": "elastic:5d7e"},
        {"changes-since": "2026-11-21T23:59:00Z"},
        {"changes-since": "2026-11-22T00:09:00Z"},
    ]


def test_what_changes_while_pages_are_read_comes_with_the_next_listing(stub, cloud, services):
    first, second = put(services, 1), put(services, 2)
    page = {"servers": [services.things["servers"][first]], "servers_links": []}
    stub.plan("GET", SERVERS, 200, body=page, headers={"Date": "Sun, 22 Nov 2026 00:00:00 GMT"})
    services.pass_time(600)
    assert list(listed(cloud)) == [first, second]
    listed(cloud)
    assert questions(stub)[-1] == {"changes-since": "2026-11-21T23:59:00Z"}


def test_what_has_changed_is_shown_and_what_has_not_stays(cloud, services):
    old, turned, gone = (put(services, number) for number in (1, 2, 3))
    listed(cloud)
    services.pass_time(600)
    services.change("servers", turned, status="SHUTOFF")
    services.change("servers", gone, status="DELETED", tags=[])
    new = put(services, 4, status="BUILD")
    assert listed(cloud) == {old: "ACTIVE", turned: "SHUTOFF", new: "BUILD"}
    services.pass_time(600)
    assert listed(cloud) == {old: "ACTIVE", turned: "SHUTOFF", new: "BUILD"}


@pytest.mark.parametrize("status", ["DELETED", "SOFT_DELETED"])
@pytest.mark.parametrize("instance", [None, "i-001-3-1"])
def test_one_that_was_deleted_is_left_out(cloud, services, status, instance):
    server = put(services, 1, status=status)
    assert listed(cloud, instance) == {}
    services.change("servers", server, status="ACTIVE")
    assert listed(cloud, instance) == {server: "ACTIVE"}
    services.change("servers", server, status=status)
    assert listed(cloud, instance) == {}


def _put_others(services: Services) -> None:
    put(services, 1, cluster="5d7")
    services.put("servers", name="elastic-web-i-001-3-1")
    services.put("servers", tags=["elastic:5d7e", "i-001-3-1"])
    services.put("servers", tags=["elastic:5d7e", "i-001-3-1"], metadata={"elastic:cluster": CLUSTER})
    foreign = services.put("servers", tags=["elastic:5d7e", "i-001-3-1"])
    mark = Mark("5d7", DomainKey("ann", "web"), 3, "i-001-3-1")
    services.change("servers", foreign["id"], metadata=metadata_of(mark))


@pytest.mark.parametrize("instance", [None, "i-001-3-1"])
def test_one_without_our_whole_mark_is_none_of_ours_whatever_its_tags_say(cloud, services, instance):
    _put_others(services)
    ours = put(services, 1)
    assert listed(cloud, instance) == {ours: "ACTIVE"}


def test_among_what_has_changed_as_well_there_is_ours_only(cloud, services):
    listed(cloud)
    _put_others(services)
    ours = put(services, 1)
    assert listed(cloud) == {ours: "ACTIVE"}


def test_one_that_lost_its_mark_is_ours_no_more(cloud, services):
    server = put(services, 1)
    assert listed(cloud) == {server: "ACTIVE"}
    services.change("servers", server, metadata={})
    assert listed(cloud) == {}


def test_those_of_one_instance_are_asked_for_by_their_tags_each_time(stub, cloud, services):
    mine, *_ = (put(services, number) for number in (1, 2, 12))
    again = put(services, 1, status="ERROR")
    for _ in range(2):
        assert listed(cloud, "i-001-3-1") == {mine: "ACTIVE", again: "ERROR"}
    assert questions(stub) == [{"tags": "elastic:5d7e,i-001-3-1"}] * 2


def test_from_time_to_time_all_is_read_again(stub, cloud, services, clock):
    lost = put(services, 1)
    listed(cloud)
    del services.things["servers"][lost]
    clock.advance(WHOLE_EACH - 1)
    assert listed(cloud) == {lost: "ACTIVE"}, "no change says that it is gone"
    clock.advance(1)
    assert listed(cloud) == {}
    assert [*map(dict.keys, questions(stub))] == [{"tags"}, {"changes-since"}, {"tags"}]


def test_while_one_is_being_built_and_told_of_no_more_all_is_read_again_sooner(cloud, services, clock):
    lost = put(services, 1, status="BUILD")
    listed(cloud)
    services.pass_time(600)
    del services.things["servers"][lost]
    clock.advance(DOUBTFUL_EACH - 1)
    assert listed(cloud) == {lost: "BUILD"}
    clock.advance(1)
    assert listed(cloud) == {}


def test_for_another_cluster_all_is_read_anew(cloud, services):
    ours, theirs = put(services, 1), put(services, 1, cluster="5d7")
    assert listed(cloud) == {ours: "ACTIVE"}
    services.pass_time(600)
    assert [s.server_id for s in cloud.servers(SITE, "5d7", SECONDS)] == [theirs]
    assert listed(cloud) == {ours: "ACTIVE"}


@pytest.mark.parametrize("status", [500, 0])
def test_a_listing_that_breaks_off_is_none_and_nothing_of_it_is_lost(stub, cloud, services, status):
    services.page = 2
    first = [put(services, number) for number in (1, 2)]
    assert list(listed(cloud)) == first
    services.pass_time(600)
    more = [put(services, number) for number in (3, 4, 5)]
    stub.plan("GET", SERVERS, 200, body={"servers": [services.things["servers"][more[0]]], "servers_links": []})
    stub.plan("GET", SERVERS, status)
    with pytest.raises(CloudUnavailable):
        listed(cloud)
    services.pass_time(600)
    assert list(listed(cloud)) == first + more


@pytest.mark.parametrize("date", ["soon", ""])
def test_of_a_nova_that_does_not_say_what_time_it_is_all_changes_are_read_each_time(stub, cloud, services, date):
    server = put(services, 1)
    body = {"servers": services.all("servers")}
    stub.plan("GET", SERVERS, 200, body=body, headers={"Date": date})
    assert listed(cloud) == {server: "ACTIVE"}
    listed(cloud)
    assert questions(stub)[-1] == {"changes-since": "1970-01-01T00:00:00Z"}
