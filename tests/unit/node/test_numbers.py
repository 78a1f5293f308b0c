"""Numbers of the machine, and those that its owner writes into files."""

import os
from pathlib import Path

import msgspec
import pytest

from elastic.model.actions import Work
from elastic.model.inside import Number
from elastic.node.numbers import numbers, work_in


def as_it_is(text: str) -> str:
    return text


def told(*settings: dict[str, object]) -> dict[str, float]:
    return numbers(msgspec.convert(settings, list[Number]), as_it_is)()


def test_load_and_memory_are_told_by_their_kind_or_by_a_name() -> None:
    said = told({"kind": "load"}, {"kind": "memory", "name": "ram"})
    assert list(said) == ["load", "ram"]
    assert said["load"] >= 0
    assert 0 < said["ram"] < 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3.0),
        (" -2.5e1\n", -25.0),
        ("", None),
        ("many", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("\xff", None),
        ("1" + " " * 5000 + "2", 1.0),  # no more than the first page is read
    ],
)
def test_a_file_has_a_number_in_it_or_is_left_out(tmp_path: Path, text: str, number: float | None) -> None:
    file = tmp_path / "number"
    file.write_bytes(text.encode("latin-1"))
    settings = [{"kind": "load"}, {"kind": "file", "name": "queue", "path": str(file)}]
    assert told(*settings).get("queue") == number


def test_one_that_cannot_be_had_costs_no_other_and_is_looked_for_each_time(tmp_path: Path) -> None:
    tell = numbers(
        [Number(kind="file", name="queue", path="$place/queue"), Number(kind="load")],
        lambda text: text.replace("$place", str(tmp_path)),
    )
    assert list(tell()) == ["load"]
    (tmp_path / "queue").write_text("7")
    assert tell()["queue"] == 7.0


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ('{"active": 2, "reserved": 1, "scheduled": 0}', Work(2, 1, 0)),
        ('{"active": 2, "of_a_later_version": 1}', Work(2)),
        ("{}", Work()),
        ("", None),
        ("[]", None),
        ('{"active": "2"}', None),
        ("\xff", None),
        ('{"x":' + "[" * 4000, None),
        ('{"active": 2' + " " * 5000 + "}", None),
    ],
    ids=lambda value: str(value)[:12],
)
def test_work_is_read_from_a_file_or_not_known(tmp_path: Path, text: str, work: Work | None) -> None:
    file = tmp_path / "work.json"
    file.write_bytes(text.encode("latin-1"))
    assert work_in(str(file)) == work


def test_a_pipe_is_no_file_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert work_in(str(tmp_path / "pipe")) is None
    assert told({"kind": "file", "name": "queue", "path": str(tmp_path / "pipe")}) == {}


def test_without_a_file_work_is_not_known(tmp_path: Path) -> None:
    assert work_in("") is None
    assert work_in(str(tmp_path / "none")) is None
    assert work_in(str(tmp_path)) is None
