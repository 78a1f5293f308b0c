"""What doc/policies.md gives to paste is understood, and each answer on it is the one that comes."""

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from elastic.adapters.sensor import installed_sensors
from elastic.cli.whatif import answer_lines
from elastic.engines import installed_engines
from elastic.model.domain import DEFAULT_ENGINE
from elastic.rules.config import checked_config, merged
from elastic.rules.laws import AnyPolicy
from elastic.rules.sensing import HEARTBEAT, Monitored, sensor_named
from tests.unit.adapters.sensors_stub import ANY

PAGE = (Path(__file__).parents[2] / "doc" / "policies.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"^\$ (.*)\n(.*)\n", re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE)
DEFINITIONS = [yaml.safe_load(text) for language, text in BLOCKS if language in ("yaml", "json")]
LINES = [asked for language, text in BLOCKS if language == "console" for asked in ASKED.findall(text)]


def engine_of(definition: dict[str, Any]) -> str:
    return definition.get("general", {}).get("engine", DEFAULT_ENGINE)


def laws_of(definition: dict[str, Any]) -> list[str]:
    return [law["engine"] for law in definition["engine_conf"].get("policies", ())]


def fits(answer: str, shown: str) -> bool:
    """`...` stands for whatever was left out."""
    return re.fullmatch(".*".join(map(re.escape, shown.split("..."))), answer) is not None


@pytest.mark.parametrize("definition", DEFINITIONS, ids=[f"{engine_of(d)} {laws_of(d)}" for d in DEFINITIONS])
def test_a_definition_can_be_pasted(definition):
    config = merged(definition, {})
    checked_config(config["general"], config["engine_conf"], config["health"], installed_engines())
    monitored = Monitored.read(config["engine_conf"])
    if monitored.kind != HEARTBEAT:
        sensor_named(monitored.kind, installed_sensors()).configured(config["engine_conf"], ANY)


def test_there_is_one_for_each_engine_and_each_law():
    assert {engine_of(definition) for definition in DEFINITIONS} == set(installed_engines())
    assert {law for definition in DEFINITIONS for law in laws_of(definition)} == {
        kind.__struct_config__.tag for kind in get_args(AnyPolicy)
    }


@pytest.mark.parametrize(("command", "shown"), LINES, ids=range(len(LINES)))
def test_a_line_is_answered_as_the_page_says(command, shown):
    echo, question, pipe, *whatif, subject = shlex.split(command)
    assert (echo, pipe, whatif) == ("echo", "|", ["elastic", "whatif"])
    answers: list[bytes] = []
    assert answer_lines(subject, [question.encode()], answers.append) == 0
    [answer] = answers
    assert fits(answer.decode().rstrip(), shown), answer.decode()


def test_every_stage_has_its_line_in_the_order_in_which_they_are_gone_through():
    told = re.findall(r"^\d\. \*\*(\w+)\*\*", PAGE, re.MULTILINE)
    assert told == ["combine", "fallback", "schedule", "stabilise", "step", "clamp", "cooldown"]
    assert all(f'"stage":"{stage}"' in PAGE for stage in told)


def test_an_answer_that_is_another_one_is_noticed():
    assert fits('{"a":1,"b":2}', '{...,"b":2}')
    assert not fits('{"a":1,"b":3}', '{...,"b":2}')
