"""The settings file, and the log beside it."""

import io
import json
import logging
from pathlib import Path

import pytest

from elastic.errors import BadRequest
from elastic.model.inside import Commands, Number, SystemdUnit
from elastic.node.logfile import BoundedStream
from elastic.node.settings import PLACE, VARIABLE, read_settings, settings_path

WHOLE = {
    "bus": "amqp://broker",
    "cluster": "5d7e",
    "exchange": "heartbeats",
    "slot": 7,
    "instance_id": "i-007-1-1",
    "owner": "ann",
    "domain": "web",
    "key": "secret-key",
    "interval": 2.5,
    "units": [{"kind": "systemd", "name": "celery.service"}],
}


def test_settings_are_read_as_written(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    file.write_text(json.dumps({**WHOLE, "of_a_later_version": 1}))
    settings = read_settings(file)
    assert (settings.instance_id, settings.interval, settings.slot) == ("i-007-1-1", 2.5, 7)
    assert settings.units == (SystemdUnit(name="celery.service"),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "\xff",
        json.dumps({**WHOLE, "slot": "seven"}),
        json.dumps({**WHOLE, "interval": 0}),
        json.dumps({**WHOLE, "units": [{"kind": "cron"}]}),
        json.dumps({**WHOLE, "metrics": [{"kind": "file", "name": "queue"}]}),
        json.dumps({**WHOLE, "drain": {"begin": "reboot"}}),
        json.dumps({key: value for key, value in WHOLE.items() if key != "bus"}),
    ],
)
def test_settings_that_make_no_sense_are_refused_without_showing_the_key(tmp_path: Path, text: str) -> None:
    file = tmp_path / "node.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadRequest, match=r"node\.json") as caught:
        read_settings(file)
    assert "secret-key" not in str(caught.value)


def test_a_missing_file_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=VARIABLE):
        read_settings(tmp_path / "none.json")


def test_the_place_is_named_by_the_environment_or_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert str(settings_path()) == PLACE
    monkeypatch.setenv(VARIABLE, "/run/x.json")
    assert str(settings_path()) == "/run/x.json"


def test_a_log_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    with open(tmp_path / "node.log", "a") as file:
        handler = BoundedStream(file, limit=1000)
        for number in range(500):
            handler.emit(logging.LogRecord("node", logging.INFO, "", 0, "line %d", (number,), None))
    text = (tmp_path / "node.log").read_text()
    assert len(text) < 1100
    assert text.endswith("line 499\n")


def test_a_log_that_is_no_file_is_left_alone() -> None:
    stream = io.StringIO()
    handler = BoundedStream(stream, limit=1)
    for _ in range(2):
        handler.emit(logging.LogRecord("node", logging.INFO, "", 0, "hello", (), None))
    assert stream.getvalue() == "hello\nhello\n"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("/run/$domain/$owner", "/run/web/ann"),
        ("--name=${instance_id}", "--name=i-007-1-1"),
        ("$HOME and $instance", "$HOME and $instance"),
        ("$key $bus $cluster", "$key $bus $cluster"),
        ("100$", "100$"),
        ("", ""),
    ],
)
def test_names_of_the_instance_are_put_in_and_nothing_else(tmp_path: Path, text: str, filled: str) -> None:
    file = tmp_path / "node.json"
    file.write_text(json.dumps(WHOLE))
    assert read_settings(file).filled(text) == filled


def test_what_is_told_and_done_beside_the_units_is_read_too(tmp_path: Path) -> None:
    said = {"metrics": [{"kind": "load"}], "work": "/run/work.json", "drain": {"begin": ["drain"]}}
    file = tmp_path / "node.json"
    file.write_text(json.dumps({**WHOLE, **said}))
    settings = read_settings(file)
    told = (Number(kind="load"),), "/run/work.json", Commands(begin=("drain",))
    assert (settings.metrics, settings.work, settings.drain) == told
