"""One directory, and nothing outside of it."""

from dataclasses import fields
from pathlib import Path

import pytest
from mini_openstack.errors import Trouble
from mini_openstack.places import Places

from tests.unit.tools.tool import tree

LONGEST = 103 - len("/run/mariadb.sock")  # bytes


def test_all_places_are_in_the_directory_and_none_is_another() -> None:
    places = Places.at(Path("/stack"))
    names = [name for name, what in vars(Places).items() if isinstance(what, property)]
    found = {getattr(places, name) for name in names}
    assert len(found) == len(names) > 8
    assert [field.name for field in fields(Places)] == ["root"]
    assert all(place.is_relative_to("/stack/") for place in found)


def test_whoever_is_not_its_owner_cannot_look_in(place: Path) -> None:
    places = Places.at(place / "a" / "stack")
    places.make()
    places.make()
    assert tree(places.root) == {"etc", "run", "log", "lib", "db"}
    assert all(place.stat().st_mode & 0o777 == 0o700 for place in (places.root, *places.root.iterdir()))


@pytest.mark.parametrize("letter", ["a", "ä"])
def test_a_path_may_be_as_long_as_a_socket_allows_in_bytes(letter: str) -> None:
    size = len(letter.encode())
    longest = "/" + letter * ((LONGEST - 1) // size)
    assert Places.at(Path(longest)).root == Path(longest)
    with pytest.raises(Trouble, match="MINI_OPENSTACK_DIR is too long a path"):
        Places.at(Path(longest + letter))


def test_a_directory_that_cannot_be_made_is_refused(place: Path) -> None:
    file = place / "file"
    file.touch()
    for root in (file, file / "stack", Path("/proc/stack")):
        with pytest.raises(Trouble, match=f"MINI_OPENSTACK_DIR cannot be used: .*'{root}'"):
            Places.at(root).make()


@pytest.mark.parametrize("there", [[], ["venv"], ["db", "log", "run"], ["lock", "my-notes"]])
def test_a_directory_that_is_ours_or_empty_is_taken(place: Path, there: list[str]) -> None:
    for name in there:
        (place / name).touch() if name in ("lock", "my-notes") else (place / name).mkdir()
    Places.at(place).make()
    assert tree(place) == {"etc", "run", "log", "lib", "db", *there}


def test_a_directory_of_somebody_else_is_left_as_it_is(place: Path) -> None:
    """Their `db`, `run` and `log` would go with a `wipe`."""
    for name in ("db", "lock", "src"):
        (place / name).mkdir()
    with pytest.raises(Trouble, match=f"MINI_OPENSTACK_DIR must be a directory of its own: {place}/lock"):
        Places.at(place).make()
    assert tree(place) == {"db", "lock", "src"}
