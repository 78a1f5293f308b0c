"""What the README promises is so."""

import re
from dataclasses import fields

import pytest
from mini_openstack.inside import faults, furnish
from mini_openstack.settings import Settings

from tests.unit.tools.test_config import CLOUDS
from tests.unit.tools.tool import README, Tool, settings

TEXT = README.read_text()
CONFIGURED = TEXT.partition("## Settings")[2].partition("## Faults")[0]
ROWS = re.findall(r"^\| (`.*`) \*? ?\| (.*?) ?\| ", CONFIGURED, re.M)


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def test_all_settings_are_listed_and_no_others() -> None:
    listed = [name for cell, _ in ROWS for name in named(cell)]
    there = [field.name.upper().replace("DIRECTORY", "DIR") for field in fields(Settings)]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize(("cell", "default"), ROWS)
def test_a_setting_has_the_default_that_is_listed(cell: str, default: str) -> None:
    names, values = named(cell), default.replace("`", "").split(", ")
    assert len(names) == len(values)
    for name, value in zip(names, values, strict=True):
        said = "" if value == "constraints.txt" else value  # ours, which lies elsewhere
        assert settings(README.parent, **{name: said}) == settings(README.parent)


def test_all_clouds_are_listed_and_no_others() -> None:
    table = TEXT.partition("## What is in the cloud")[2].partition("Images")[0]
    assert [name for cell in re.findall(r"^\| (`.*?`) \|", table, re.M) for name in named(cell)] == list(CLOUDS)


def test_all_networks_are_listed_with_their_addresses() -> None:
    (listed,) = re.findall(r"networks (.*?)\. ", TEXT, re.S)
    for name, subnets in furnish.SUBNETS.items():
        (addresses,) = re.findall(rf"`{name}` \((.*?)\)", listed)
        assert addresses.split(" and ") == [subnet["cidr"] for subnet in subnets]
    assert len(named(listed)) == len(furnish.SUBNETS)


def test_the_networks_that_a_floating_ip_joins_are_named() -> None:
    joined = f"Ports on `{furnish.INSIDE}` may have floating IPs on `{furnish.OUTSIDE}`, in both projects."
    assert joined in " ".join(TEXT.split())


def test_all_faults_are_listed_as_the_driver_has_them() -> None:
    listed = re.findall(r"^\| `(mini:\S+)` \|", TEXT, re.M)
    assert listed == re.findall(r"^(mini:\S+)", faults.__doc__ or "", re.M)
    assert [fault.partition("=")[2] for fault in listed if fault.startswith("mini:spawn=")] == list(faults.SPAWN)
    assert len({fault.partition("=")[0] for fault in listed}) == len(fields(faults.Faults))


def test_all_commands_are_named_and_no_others(tool: Tool) -> None:
    named = set(re.findall(r"tools/mini-openstack (\w+)", TEXT))
    others = re.findall(r"`(\w+)", re.findall(r"^(`install`.*?)are the others", TEXT, re.M | re.S)[0])
    shown = re.findall(r"^    (\w+)  ", tool("--help").out, re.M)
    assert sorted(named | set(others)) == sorted(shown)
