"""What is installed, and how the services find what is ours in it."""

import ast
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from mini_openstack import drivers, packages
from mini_openstack.errors import Trouble
from mini_openstack.places import Places

from tests.unit.tools.tool import README, settings, stand_in, tree

OURS = README.with_name("constraints.txt")
INSIDE = README.with_name("inside")


def classes(module: str) -> list[str]:
    """Without importing it: what it imports is in the services' venv only."""
    parsed = ast.parse((INSIDE / f"{module}.py").read_text())
    return [node.name for node in parsed.body if isinstance(node, ast.ClassDef)]


def test_every_package_that_is_asked_for_is_pinned() -> None:
    lines = [line for line in OURS.read_text().splitlines() if line and not line.startswith("#")]
    pinned = dict(line.lower().split("==") for line in lines)
    assert len(pinned) == len(lines)
    asked = [package.partition("==") for package in packages.PACKAGES]
    assert {name for name, _, _ in asked} >= {
        "keystone",
        "glance",
        "openstack-placement",
        "nova",
        "neutron",
        "cinder",
    }
    for name, _, version in asked:
        assert pinned[name] == (version or pinned[name])


def test_another_set_of_packages_waits_until_all_is_stopped(places: Places) -> None:
    stand_in(places, "keystone")
    with pytest.raises(Trouble, match="stop all first"):
        packages.provide(settings(places.root), places)


@pytest.mark.parametrize(
    ("python", "told"),
    [
        ("no-such-python", "no-such-python cannot be run: No such file or directory"),
        ("/", "/ cannot be run: Permission denied"),
        ("false", "false will not do: "),
        ("{old}", r".*/old will not do: it is Python 3\.8, and 3\.11 or newer is needed"),
    ],
)
def test_a_python_that_will_not_do_is_refused_before_anything_is_deleted(
    places: Places, python: str, told: str
) -> None:
    old = places.root / "old"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 8); $2"\n')
    old.chmod(0o700)
    places.venv.mkdir()
    before = tree(places.root)
    with pytest.raises(Trouble, match=f"MINI_OPENSTACK_PYTHON: {told}"):
        packages.provide(settings(places.root, PYTHON=python.format(old=old)), places)
    assert tree(places.root) == before


def test_neutron_finds_our_driver_by_the_name_that_its_configuration_has(places: Places) -> None:
    with pytest.raises(Trouble, match=f"there is no nova in {places.venv}"):
        drivers.provide(places)
    (found,) = distributions(path=[str(places.lib)])
    (point,) = found.entry_points.select(group="neutron.ml2.mechanism_drivers")
    assert point.name == re.findall(r"^mechanism_drivers = (.*)$", conf("neutron.conf"), re.M)[0]
    assert (point.module, point.attr) == ("mini_openstack.inside.ml2", "MiniMechanismDriver")
    assert point.attr in classes("ml2")


def test_nova_finds_our_driver_by_the_name_that_its_configuration_has(places: Places) -> None:
    virt = places.venv / "lib" / "python3.11" / "site-packages" / "nova" / "virt"
    virt.mkdir(parents=True)
    for _ in range(2):
        drivers.provide(places)
    module, driver = re.findall(r"^compute_driver = (.*)\.(.*)$", conf("nova.conf"), re.M)[0]
    assert f"from mini_openstack.inside.virt import {driver} " in (virt / f"{module}.py").read_text()
    assert driver in classes("virt")


def test_cinder_finds_our_driver_by_the_name_that_its_configuration_has() -> None:
    module, driver = re.findall(r"^volume_driver = (.*)\.(.*)$", conf("cinder.conf"), re.M)[0]
    assert module == "mini_openstack.inside.volume"
    assert driver in classes("volume")


def conf(name: str) -> str:
    return Path(README.with_name("conf") / name).read_text()
