"""Keystone and the others are told anew when something that they know has changed, and only then."""

import os

import pytest
from mini_openstack import registration
from mini_openstack.places import Places

from tests.unit.tools.tool import settings


@pytest.fixture
def registered(places: Places) -> Places:
    places.application_credentials.touch()
    registration.mark_done(settings(places.root), places)
    return places


def test_it_is_due_until_it_is_done(places: Places) -> None:
    said = settings(places.root)
    assert registration.is_due(said, places)
    places.application_credentials.touch()
    assert registration.is_due(said, places)
    registration.mark_done(said, places)
    assert not registration.is_due(said, places)
    places.application_credentials.unlink()
    assert registration.is_due(said, places)


@pytest.mark.parametrize(
    ("name", "value", "due"),
    [
        ("PORT", "16000", True),
        ("HOST", "127.0.0.2", True),
        ("PASSWORD", "another", True),
        ("QUOTA", "default", True),
        ("VCPUS", "64", True),  # which is the size of the flavor `huge`
        ("COMPUTES", "a", False),
        ("MEMORY_MB", "2048", False),
        ("DISK_GB", "2", False),
        ("TIMEOUT", "2", False),
        ("RABBIT_URL", "rabbit://u:p@h:1/v", False),
    ],
)
def test_it_is_due_again_when_something_in_it_has_changed(
    registered: Places, name: str, value: str, due: bool
) -> None:
    changed = settings(registered.root, **{name: value})
    assert registration.is_due(changed, registered) is due
    registration.mark_done(changed, registered)
    assert not registration.is_due(changed, registered)


def test_no_secret_can_be_seen_among_the_processes_or_read_from_the_mark(registered: Places) -> None:
    said = settings(registered.root, **{"PASSWORD": "not-for-you"})
    registration.mark_done(said, registered)
    step = registration.bootstrap(said, registered)
    assert "not-for-you" not in " ".join(step.argv)
    assert step.environment["OS_BOOTSTRAP_PASSWORD"] == "not-for-you"  # noqa: S105
    mark = registered.db / "registered"
    assert "not-for-you" not in mark.read_text()
    assert mark.stat().st_mode & 0o777 == 0o600


def test_a_registration_is_not_led_elsewhere(registered: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_BOOTSTRAP_USERNAME", "theirs")
    said = settings(registered.root)
    for step in (registration.bootstrap(said, registered), registration.register(registered)):
        assert "OS_BOOTSTRAP_USERNAME" not in step.environment
        assert step.environment["MINI_OPENSTACK_STACK"] == str(registered.stack)
        assert os.path.dirname(step.argv[0]) == f"{registered.venv}/bin"
