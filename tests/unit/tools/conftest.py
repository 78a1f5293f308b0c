from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from mini_openstack.places import Places
from mini_openstack.stop import kill_all

from tests.unit.tools.tool import Tool


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path is short, wherever the tests run: there are sockets below it."""
    with TemporaryDirectory(prefix="mini-") as place:
        yield Path(place)


@pytest.fixture
def tool(place: Path) -> Iterator[Tool]:
    """For a directory that is not there yet. Whatever was started in it is ended."""
    tool = Tool(place / "stack")
    yield tool
    kill_all(Places(tool.directory))


@pytest.fixture
def places(tool: Tool) -> Places:
    """As a first command leaves the directory."""
    places = Places.at(tool.directory)
    places.make()
    places.lock.touch()
    return places
