"""The examples in etc/elastic: all that they name is there, and nothing is misspelt."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from elastic.adapters.bus.address import checked_url
from elastic.cli import agent as agent_command
from elastic.conf import files, opts
from elastic.conf.settings import Settings, known, load
from elastic.node import main as node_command
from elastic.node.settings import VARIABLE
from elastic.rules.userdata import NODE_FILE

ROOT = Path(__file__).parents[3]
ETC = ROOT / "etc" / "elastic"
UNITS = sorted((ETC / "systemd").glob("*.service"))
CONFIGURATIONS = sorted(ETC.glob("*.conf.example"))


def configurations() -> list[Path]:
    return [place for place in CONFIGURATIONS if place.name != "rabbitmq.conf.example"]


@pytest.mark.parametrize("place", configurations(), ids=lambda place: place.name)
def test_an_example_says_nothing_that_is_no_option(place: Path) -> None:
    options = known()
    lines = list(files.lines_of(str(place)))
    assert lines
    for line in lines:
        assert files.key_of(line.group, line.key) in options, line


def test_the_example_for_production_is_a_whole_configuration() -> None:
    said = Settings.of(load([str(ETC / "elastic.conf.example")]))
    assert said.store.url.startswith("zookeeper://elastic:")
    assert not said.store.insecure
    assert said.coordination.backend_url.startswith("zookeeper://")
    assert said.bus.url.count("amqps://") == 3
    assert "ca_file=" in said.store.url
    assert "ca_file=" in said.bus.url
    assert (said.rpc.operators, said.cloud.driver) == (["ops"], "openstack")
    checked_url(said.bus.url)


def test_the_example_for_clients_is_all_that_a_client_needs() -> None:
    said = Settings.of(load([str(ETC / "client.conf.example")]))
    assert said.default.cluster == Settings.of(load([str(ETC / "elastic.conf.example")])).default.cluster
    checked_url(said.bus.url)


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, comment_prefixes=("#",), delimiters=("=",)
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ETC / "systemd" / f"{name}.service")
    return parser["Service"]


def installed_commands() -> set[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = parser["options.entry_points"]["console_scripts"].strip().splitlines()
    return {line.partition("=")[0].strip() for line in lines}


@pytest.mark.parametrize("place", UNITS, ids=lambda place: place.name)
def test_a_unit_starts_a_command_that_is_installed_with_options_that_it_has(place: Path) -> None:
    command, *words = shlex.split(unit(place.stem)["ExecStart"])
    assert Path(command).name in installed_commands()
    parser = {"elastic-agent": agent_command._parser, "elastic-node": node_command._parser}[Path(command).name]()
    parser.parse_args(words)  # SystemExit, if not


def test_the_unit_gives_a_replica_the_directories_that_the_example_names() -> None:
    said, service = Settings.of(load([str(ETC / "elastic.conf.example")])).default, unit("elastic-agent")
    assert said.state_dir == f"/var/lib/{service['StateDirectory']}"
    assert said.run_dir == f"/run/{service['RuntimeDirectory']}"
    assert service["RestartPreventExitStatus"] == str(agent_command.REFUSED)
    assert float(service["TimeoutStopSec"]) > 10


def test_the_unit_of_a_vm_hands_the_agent_what_root_alone_may_read() -> None:
    """cloud-init writes it, and the agent has a user of its own."""
    service = unit("elastic-node")
    assert service["LoadCredential"] == f"node.json:{NODE_FILE}"
    assert service["Environment"] == f"{VARIABLE}=/run/credentials/elastic-node.service/node.json"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("place", UNITS, ids=lambda place: place.name)
def test_systemd_understands_a_unit(place: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = place.read_text().replace(shlex.split(unit(place.stem)["ExecStart"])[0], str(program))
    (tmp_path / place.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / place.name)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_lists_all_options_that_may_change_while_it_runs() -> None:
    page = (
        (ROOT / "doc" / "operations.md")
        .read_text()
        .partition("## Options that may change")[2]
        .partition("\n## ")[0]
    )
    rows = re.findall(r"^\| `\[(\w+)\]` \| (.*) \|$", page, re.MULTILINE)
    listed = {(group, name) for group, names in rows for name in re.findall(r"`(\w+)`", names)}
    mutable = {
        (group.name if group else "DEFAULT", option.dest)
        for group, options in opts.list_opts()
        for option in options
        if option.mutable
    }
    assert listed == mutable | {("DEFAULT", "debug")}
