"""`elastic whatif`: an answer a line, and what is wrong is said by name."""

import io
import json
import os
import subprocess
import sys

import pytest

from elastic.cli.whatif import answer_lines, serve

DECIDE = {"domain": {"engine_conf": {"preserve_n": 1}}, "instances": [], "now": 0}
INSTANCE = {"instance_id": "a", "state": "600-RUNNING", "health": "OK", "state_time": 0}
DIAGNOSE = {"instance": {"state": "600-RUNNING", "state_time": 0, "health": "OK", "health_time": 0}, "now": 100}
OWN = {"members": {"a": 1, "b": 0.0}, "partitions": 4, "domains": ["o:d"]}
POLICY = {"name": "p", "engine": "fixed", "size": 30}
SIZE = {"policies": [POLICY], "signals": {"in_service": 5}, "capacity": {"max": 40}, "now": 1000}
UNLIMITED = {"max_step_up": None, "max_step_down": None, "window_down": 0, "cooldown_in": 0}


def answers(subject, *lines):
    came = []
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    failed = answer_lines(subject, raw, lambda line: came.append(json.loads(line)))
    assert failed == sum("error" in answer for answer in came)
    return came


def answer(subject, question, **more):
    (came,) = answers(subject, {"id": 1, "in": {**question, **more}})
    return came


def test_a_decision():
    (came,) = answers("decide", {"id": ["any", None], "in": DECIDE})
    assert came["id"] == ["any", None]
    launch = {"site": "ec2-east", "deployable_type": "epu_work_consumer", "allocation": "small", "extravars": {}}
    reasons = came["out"].pop("reasons")
    assert {reason["stage"] for reason in reasons} == {"policy", "launch"}
    assert came["out"] == {
        "launches": [launch],
        "terminates": [],
        "drains": [],
        "desired": 1,
        "status": "PENDING",
        "memo": {"last_change": None, "size": 1, "draining": []},
    }


def test_a_memo_can_be_asked_with_again():
    memo = answer("decide", DECIDE)["out"]["memo"]
    assert answer("decide", DECIDE, memo=memo)["out"]["desired"] == 1


def test_a_diagnosis():
    assert answer("diagnose", DIAGNOSE)["out"] == {"health": "OK", "reason": "not heard yet", "ask": False}
    word = {"at": 90, "state": "PROCESS_ERROR", "errors": ["it broke"]}
    came = answer(
        "diagnose", DIAGNOSE, last_heartbeat=word, policy={"missing_timeout": 10.0, "boot_timeout": None}
    )
    assert came["out"] == {"health": "PROCESS_ERROR", "reason": "it broke", "ask": False}


def test_ownership():
    out = answer("own", OWN)["out"]
    assert out == {
        "owners": {"o:d": "a"},
        "load": {"a": 4, "b": 0},
        "assignment": {"0": "a", "1": "a", "2": "a", "3": "a"},
        "moved": [],
    }
    moved = answer("own", OWN, previous={"0": "b", "1": "a", "3": "gone"})["out"]["moved"]
    assert moved == [0, 3]


def test_shares():
    assert answer("share", {"total": 50.0, "weights": [1, 1.0, 1]})["out"] == {"shares": [17, 17, 16]}


def test_a_size_and_the_way_to_it():
    out = answer("size", SIZE, share=7.0)["out"]
    assert [(stage["stage"], stage["value"]) for stage in out["stages"]] == [
        ("combine", 30),
        ("stabilise", 30),
        ("step", 10),
        ("clamp", 7),
        ("cooldown", 7),
    ]
    assert all(stage.keys() == {"stage", "value", "reason"} for stage in out["stages"])
    assert (out["raw"], out["desired"]) == ({"p": 30}, 7)


def test_counts_that_are_left_out_are_nought_and_other_signals_are_not_known():
    backlog = [{"name": "p", "engine": "backlog_ratio"}]
    for signals, raw in (
        ({"ready": 100}, 20),
        ({"ready": 100.0, "in_service": None, "booting": 2.0, "draining": 3}, 20),
        ({"ready": 100, "in_service": 1}, None),
        ({"ready": 100, "in_service": 1, "idle": None}, None),
        ({}, None),
    ):
        assert answer("size", SIZE, policies=backlog, signals=signals)["out"]["raw"] == {"p": raw}


def test_a_schedule_has_no_raw():
    table = {"name": "s", "engine": "schedule", "cron": "0 0 * * *", "duration": "1h", "ceiling": 8}
    out = answer("size", SIZE, policies=[POLICY, table])["out"]
    assert (out["raw"], out["desired"]) == ({"p": 30}, 8)


@pytest.mark.parametrize(
    ("there", "value", "behaviour", "more", "desired"),
    [
        (12, 4, {"window_down": 300}, {"history": [[700, 12], [800, 9], [999, 5]]}, 9),
        (2, 5, {"window_up": 60}, {"history": [[960, 3], [980.0, 6.0]]}, 3),
        (5, 30, {}, {"share": 17}, 17),
        (5, 30, {"max_step_up": "100%|4"}, {"share": 17}, 10),
        (9, 4, {"cooldown_in": 60}, {"last_change": {"at": 940.5, "direction": "out"}}, 9),
        (9, 4, {"cooldown_in": 60}, {"last_change": {"at": 940, "direction": "out"}}, 4),
        (9, None, {}, {"misses": 1}, 9),
        (9, None, {}, {"misses": 2}, 9),
        (9, None, {}, {"misses": 3}, 6),
    ],
)
def test_known_sizes(there, value, behaviour, more, desired):
    question = {
        **SIZE,
        "policies": [{"name": "p", "engine": "external", "source": "x"}],
        "signals": {"in_service": there, "value": value},
        "behaviour": {**UNLIMITED, **behaviour},
        "fallback": {"mode": "static", "size": 6},
    }
    assert answer("size", question, **more)["out"]["desired"] == desired


def test_the_larger_of_two_laws():
    policies = [
        {"name": "b", "engine": "backlog_ratio"},
        {
            "name": "q",
            "engine": "queue_per_worker",
            "target": 20,
            "include_unacked": False,
            "include_running": False,
        },
    ]
    signals = {"ready": 40, "in_service": 4, "idle": 0}
    out = answer("size", SIZE, policies=policies, signals=signals, behaviour=UNLIMITED)["out"]
    assert (out["raw"], out["desired"]) == ({"b": 12, "q": 2}, 12)


@pytest.mark.parametrize(
    ("subject", "question", "named"),
    [
        ("decide", {**DECIDE, "nwo": 1}, "nwo"),
        ("decide", {**DECIDE, "domain": {"engin": "simplest"}}, "engin"),
        ("decide", {**DECIDE, "domain": {"engine": "nope"}}, "nope"),
        ("decide", {**DECIDE, "domain": {"engine_conf": {"preserve_n": 1, "preserv": 1}}}, "preserv"),
        ("decide", {**DECIDE, "domain": {"engine_conf": {"preserve_n": 1}, "share": -1}}, "share"),
        ("decide", {**DECIDE, "domain": {"engine_conf": {"preserve_n": 1}, "share": 1.5}}, "share"),
        ("decide", {"domain": {}, "instances": []}, "now"),
        ("decide", {**DECIDE, "instances": [{**INSTANCE, "state": "610-RUNNING"}]}, "610-RUNNING"),
        ("decide", {**DECIDE, "instances": [{**INSTANCE, "health": "FINE"}]}, "FINE"),
        ("decide", {**DECIDE, "instances": [{**INSTANCE, "stae": 1}]}, "stae"),
        ("decide", {**DECIDE, "instances": [INSTANCE, INSTANCE]}, "instance_id"),
        ("decide", {**DECIDE, "instances": [{"instance_id": "a"}]}, "state"),
        ("decide", {**DECIDE, "instances": [{**INSTANCE, "work": {"actve": 1}}]}, "actve"),
        ("decide", {**DECIDE, "sensors": {"load": {"at": 1, "vlaue": 2}}}, "vlaue"),
        ("decide", {**DECIDE, "memo": {"size": "x"}}, "size"),
        ("diagnose", {**DIAGNOSE, "policy": {"boot_timeot": 3}}, "boot_timeot"),
        ("diagnose", {**DIAGNOSE, "policy": {"boot_timeout": -3}}, "boot_timeout"),
        ("diagnose", {**DIAGNOSE, "instance": {**DIAGNOSE["instance"], "state": "RUNNING"}}, "RUNNING"),
        ("diagnose", {**DIAGNOSE, "last_heartbeat": {"at": 1, "state": "FINE"}}, "FINE"),
        ("own", {**OWN, "members": {"a": 0}}, "members"),
        ("own", {**OWN, "previous": {"4": "a"}}, "partition 4"),
        ("own", {**OWN, "previous": {"x": "a"}}, "previous"),
        ("own", {**OWN, "partitions": 0}, "partitions"),
        ("own", {**OWN, "domains": ["nobody"]}, "nobody"),
        ("share", {"total": -1, "weights": [1]}, "total"),
        ("share", {"total": 1, "weights": [1, -1]}, "weights"),
        ("share", {"total": 1, "weights": [1], "wieghts": []}, "wieghts"),
        ("size", {**SIZE, "policies": None}, "policies is missing"),
        ("size", {**SIZE, "policies": [{**POLICY, "engine": "fixd"}]}, "policies[0].engine"),
        ("size", {**SIZE, "policies": [{**POLICY, "siez": 1}]}, "siez"),
        ("size", {**SIZE, "signals": {"redy": 1}}, "redy"),
        ("size", {**SIZE, "signals": {"ready": "1"}}, "ready"),
        ("size", {**SIZE, "signals": {"in_service": -1}}, "signals.in_service"),
        ("size", {**SIZE, "signals": {"booting": 1.5}}, "booting"),
        ("size", {**SIZE, "capacity": {}}, "capacity.max"),
        ("size", {**SIZE, "behaviour": {"window": 1}}, "window"),
        ("size", {**SIZE, "combine": "mean"}, "combine"),
        ("size", {**SIZE, "fallback": {"mode": "static"}}, "fallback.size"),
        ("size", {**SIZE, "share": -1}, "share"),
        ("size", {**SIZE, "history": [[1]]}, "history"),
        ("size", {**SIZE, "last_change": {"at": 1, "direction": "up"}}, "direction"),
        ("size", {**SIZE, "reclaim": True}, "reclaim"),
        ("size", {key: value for key, value in SIZE.items() if key != "now"}, "now"),
        ("decide", {**DECIDE, "domain": {"engine": "policy"}}, "deployable_type"),
    ],
)
def test_what_is_wrong_is_named(subject, question, named):
    came = answer(subject, question)
    assert came["id"] == 1
    assert named in came["error"]


def test_a_line_that_is_no_question_is_answered_and_the_next_is_read():
    lines = (b"nonsense", b"[1]", b"", b"\xff", b"[" * 100_000, {"id": 2}, {"in": DECIDE, "id": 3, "x": 1})
    came = answers("decide", *lines, {"id": 4, "in": DECIDE})
    assert [answer["id"] for answer in came] == [None, None, None, None, None, 2, 3, 4]
    assert [answer["error"][:7] for answer in came[:5]] == [f"line {n}:" for n in range(1, 6)]
    assert "`in`" in came[5]["error"]
    assert "`x`" in came[6]["error"]
    assert "out" in came[7]


@pytest.mark.parametrize(
    ("line", "code"), [(b"", 0), (json.dumps({"id": 1, "in": DECIDE}).encode(), 0), (b"x", 1)]
)
def test_the_exit_code_tells_whether_a_line_failed(line, code):
    assert serve("decide", io.BytesIO(line), io.BytesIO()) == code


def run(*argv, **rest):
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "elastic.cli.whatif", *argv]
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=buffered, **rest)


@pytest.mark.functional
def test_each_answer_comes_before_the_next_question():
    with run("share", stdout=subprocess.PIPE) as process:
        for total in (3, 4):
            process.stdin.write(json.dumps({"id": total, "in": {"total": total, "weights": [1]}}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["out"] == {"shares": [total]}
        process.stdin.close()
        assert process.wait(timeout=30) == 0


@pytest.mark.functional
def test_an_unknown_subject_is_no_command():
    with run("nonsense", stderr=subprocess.PIPE) as process:
        assert b"nonsense" in process.stderr.read()
        assert process.wait(timeout=30) == 2


@pytest.mark.functional
def test_nobody_need_read_on():
    with run("share", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.write(b"{}\n")
        process.stdin.close()
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == b""
