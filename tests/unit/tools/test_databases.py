"""The databases are made once; a cloud that has not got them all is not started."""

import pytest
from mini_openstack import databases
from mini_openstack.config import DATABASES
from mini_openstack.errors import Trouble
from mini_openstack.places import Places

from tests.unit.tools.tool import settings, tree


def test_those_that_are_made_are_left_alone(places: Places) -> None:
    (places.db / "made").write_text("\n".join(DATABASES))
    before = tree(places.root)
    databases.provide(settings(places.root), places)
    assert tree(places.root) == before


@pytest.mark.parametrize("made", ["", "\n".join(DATABASES[:-1])])
def test_a_cloud_of_before_there_were_all_of_them_has_to_be_wiped(places: Places, made: str) -> None:
    (places.db / "made").write_text(made)
    before = tree(places.root)
    with pytest.raises(Trouble, match="lacks a database: `wipe` it"):
        databases.provide(settings(places.root), places)
    assert tree(places.root) == before
