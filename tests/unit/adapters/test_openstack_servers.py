"""A server as Nova tells of it."""

import time

import pytest

from elastic.adapters.cloud.openstack.marks import mark_in, metadata_of, name_of, tags_of
from elastic.adapters.cloud.openstack.servers import server_of, status_of, when
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, ServerStatus

MARK = Mark("5d7e", DomainKey("ann", "web"), 3, "i-001-3-7")
SAID = {
    "id": "s-1",
    "name": "elastic-web-i-001-3-7",
    "status": "ACTIVE",
    "created": "2026-11-22T00:00:00Z",
    "metadata": metadata_of(MARK),
    "OS-EXT-STS:task_state": None,
    "addresses": {
        "b": [{"version": 4, "addr": "10.2.0.1", "OS-EXT-IPS:type": "fixed"}],
        "a": [
            {"version": 6, "addr": "fd00::1", "OS-EXT-IPS:type": "fixed"},
            {"version": 4, "addr": "10.1.0.1", "OS-EXT-IPS:type": "fixed"},
            {"version": 4, "addr": "192.0.2.7", "OS-EXT-IPS:type": "floating"},
        ],
    },
}


def test_it_is_told_with_its_mark_its_times_and_its_addresses():
    server = server_of("north", SAID)
    assert (server.server_id, server.site, server.mark, server.status) == (
        "s-1",
        "north",
        MARK,
        ServerStatus.ACTIVE,
    )
    assert server.created == 1795305600.0
    assert (server.private_ip, server.public_ip, server.ipv6) == ("10.1.0.1", "192.0.2.7", "fd00::1")


def test_one_with_nothing_but_ipv6_has_that_for_its_address():
    said = {**SAID, "addresses": {"a": [SAID["addresses"]["a"][0]]}}
    server = server_of("north", said)
    assert (server.private_ip, server.public_ip, server.ipv6) == ("fd00::1", None, "fd00::1")


def test_why_it_failed_is_told():
    assert (
        server_of("north", {**SAID, "status": "ERROR", "fault": {"message": "No valid host"}}).fault
        == "No valid host"
    )


@pytest.mark.parametrize(
    "metadata",
    [{}, {"elastic:cluster": "5d7e"}, {**metadata_of(MARK), "elastic:incarnation": "three"}, None],
)
def test_one_without_a_whole_mark_is_none_of_ours(metadata):
    assert server_of("north", {**SAID, "metadata": metadata}) is None


@pytest.mark.parametrize(
    ("status", "task", "ours"),
    [
        ("BUILD", None, "BUILD"),
        ("BUILD", "spawning", "BUILD"),
        ("ACTIVE", None, "ACTIVE"),
        ("ACTIVE", "deleting", "ACTIVE"),
        ("SHUTOFF", None, "SHUTOFF"),
        ("ERROR", None, "ERROR"),
        ("DELETED", None, "DELETED"),
        ("SOFT_DELETED", None, "DELETED"),
        ("PAUSED", None, "OTHER"),
        ("UNKNOWN", None, "OTHER"),
        ("ERROR", "rebuilding", "BUSY"),
        ("ACTIVE", "migrating", "BUSY"),
        ("SHUTOFF", "powering-on", "BUSY"),
        ("REBUILD", "rebuild_spawning", "BUSY"),
        ("DELETED", "rebuilding", "DELETED"),
    ],
)
def test_while_somebody_else_is_at_work_on_it_it_is_busy(status, task, ours):
    assert status_of({"status": status, "OS-EXT-STS:task_state": task}) is ServerStatus(ours)


def test_a_mark_is_carried_whole_in_the_metadata():
    assert mark_in(metadata_of(MARK)) == MARK


def test_names_and_tags_fit_what_nova_takes():
    longest = Mark("f" * 32, DomainKey("o" * 128, "d" * 128), 10**7, "i-fff-10000000-10000000")
    assert len(name_of(longest)) <= 255
    assert all(len(tag) <= 60 and not {"/", ","} & set(tag) for tag in tags_of(longest))
    assert all(len(key) <= 255 and len(value) <= 255 for key, value in metadata_of(longest).items())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-22T00:00:00Z", 1795305600.0),
        ("2026-11-22T01:00:00+01:00", 1795305600.0),
        ("2026-11-22T00:00:00.500000", 1795305600.5),
        (None, 0.0),
    ],
)
def test_a_date_without_a_time_zone_is_utc_wherever_we_are(text, seconds, monkeypatch):
    """So Cinder says it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert when(text) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()
