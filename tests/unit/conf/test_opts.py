"""Every option says what it is, in what unit, and how far it goes."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from oslo_config import cfg, types

from elastic.conf import opts
from elastic.conf.settings import Settings

ROOT = Path(__file__).parents[3]
ETC = ROOT / "etc" / "elastic"

OPTIONS = [(group.name if group else "DEFAULT", option) for group, listed in opts.list_opts() for option in listed]
NUMBERS = [(group, option) for group, option in OPTIONS if isinstance(option.type, types.Number)]


def each(options: list[tuple[str, cfg.Opt]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("group", "option"), options, ids=[f"{g}.{o.name}" for g, o in options])


UNITS = re.compile(r"In seconds\.|A share:|Number of|[Hh]ow many")


@each(OPTIONS)
def test_an_option_has_a_help_text_that_ends_as_a_sentence(group: str, option: cfg.Opt) -> None:
    assert option.help
    assert option.help.endswith(".")


@each(NUMBERS)
def test_a_number_has_a_unit_and_a_range(group: str, option: cfg.Opt) -> None:
    assert UNITS.search(option.help), option.help
    assert option.type.min is not None
    assert option.type.max is not None
    assert option.type.min <= option.default <= option.type.max


@each(OPTIONS)
def test_what_may_hold_a_password_is_secret(group: str, option: cfg.Opt) -> None:
    assert option.secret == option.name.endswith("url")


@pytest.mark.parametrize(
    "name",
    ["decider.interval", "doctor.interval", "reaper.interval", "brake.unhealthy_share", "brake.unhealthy_min"],
)
def test_intervals_and_brakes_may_change_while_we_run(name: str) -> None:
    by_name = {f"{group}.{option.name}": option for group, option in OPTIONS}
    assert by_name[name].mutable


def test_the_debug_level_may_change_while_we_run() -> None:
    by_name = {option.name: option for option in opts.log_opts()}
    assert by_name["debug"].mutable


@pytest.mark.parametrize("part", opts.GROUPS, ids=lambda part: part.__name__.rpartition(".")[2])
def test_a_group_has_a_field_for_each_option(part: object) -> None:
    name = part.__name__.rpartition(".")[2]
    kind = Settings.__dataclass_fields__[name].type
    assert [field.name for field in dataclasses.fields(kind)] == [option.dest for option in part.OPTIONS]


def test_our_defaults_of_the_logs_are_nobody_elses() -> None:
    ours = {option.dest: option.default for option in opts.log_opts()}
    theirs = {option.dest: option for _, listed in opts.oslo_log_opts() for option in listed}
    assert ours["use_stderr"] is True
    assert theirs["use_stderr"].default is False


def test_the_sample_in_the_repository_is_up_to_date(tmp_path: Path) -> None:
    """`make genconfig` writes it. What comes from oslo.log is not compared: it changes with its release."""
    fresh = tmp_path / "sample"
    program = Path(sys.executable).with_name("oslo-config-generator")  # it changes defaults of its whole process
    subprocess.run([program, "--namespace=elastic", "--wrap-width=100", f"--output-file={fresh}"], check=True)
    committed = (ETC / "elastic.conf.sample").read_text()
    for section in re.split(r"\n(?=\[)", fresh.read_text()):
        for paragraph in section.strip().split("\n\n"):
            assert paragraph in committed, "run `make genconfig`"


def test_the_generator_file_asks_for_ours_and_for_the_logs() -> None:
    text = (ETC / "elastic-config-generator.conf").read_text()
    assert re.findall(r"^namespace = (\S+)$", text, re.MULTILINE) == ["elastic", "oslo.log"]
