"""For tests of the OpenStack adapter: a small OpenStack of the tests' own, and a clock that is set by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.adapters.cloud.openstack import OpenStackCloud, extras
from tests.contract.clocks import HandClock
from tests.unit.adapters.openstack_services import Services
from tests.unit.adapters.openstack_stub import Stub, cloud_at, opened


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """Nobody waits long for a volume."""
    monkeypatch.setattr(extras, "POLL", 0.001)
    with opened() as stub:
        yield stub


@pytest.fixture
def services(stub: Stub) -> Services:
    return stub.services


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def cloud(stub: Stub, tmp_path: Path, clock: HandClock) -> OpenStackCloud:
    return cloud_at(stub, tmp_path, clock)
