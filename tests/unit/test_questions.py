"""All engines are asked at random, and whoever judges the answers can tell a bad one."""

from collections.abc import Callable
from math import nan
from random import Random
from typing import Any

import msgspec
import pytest

from elastic.cli.whatif import answer_lines
from elastic.engines import installed_engines
from elastic.engines.simplest import Simplest
from elastic.model.actions import Answer, Launch, Question
from elastic.rules.policy import decide
from tests.questions.__main__ import MOST_TOLD, failures, main
from tests.questions.drawn import CONFS, asked

SEED = 1
ENOUGH = 4_000  # questions, in which any of the breakages below shows
LAUNCH = Launch("A", "w", "small")


@pytest.mark.slow
def test_every_answer_is_as_it_has_to_be():
    wrong = [f"{faults} {one.line(number)}" for number, one, faults in asked_at_random(20_000)]
    assert not wrong, "\n".join(wrong[:MOST_TOLD])


def asked_at_random(count: int, **engines: Any) -> Any:
    return failures(SEED, range(count), {**installed_engines(), **engines})


def test_every_engine_is_asked():
    assert set(CONFS) == set(installed_engines())


def broken(breakage: Callable[[Question, Answer], dict[str, Any]]) -> type:
    """`simplest`, but for what `breakage` puts in place of its answer's own."""

    class Broken:
        def __init__(self, whole: Simplest) -> None:
            self._whole = whole

        @classmethod
        def configured(cls, conf):
            return cls(Simplest.configured(conf))

        def decide(self, question: Question) -> Answer:
            answer = self._whole.decide(question)
            return msgspec.structs.replace(answer, **breakage(question, answer))

    return Broken


def names(question: Question, **wanted: bool) -> tuple[str, ...]:
    return tuple(i.instance_id for i in question.instances if all(getattr(i, k) is v for k, v in wanted.items()))


BREAKAGES: dict[str, Callable[[Question, Answer], dict[str, Any]]] = {
    "ZeroDivisionError": lambda question, answer: {"desired": answer.desired // len(question.instances)},
    "the maximum is": lambda question, answer: {"desired": 10},
    "the minimum is": lambda question, answer: {"desired": 0},
    "the share is": lambda question, answer: {"desired": question.engine_conf["preserve_n"]},
    "others are launched": lambda question, answer: {"launches": (LAUNCH,)},
    "are launched, and": lambda question, answer: {"launches": (*answer.launches, LAUNCH)},
    "which is in backoff": lambda question, answer: {
        "launches": (LAUNCH,) * (answer.desired - len(names(question, is_valid=True))),
    },
    "which the config does not name": lambda question, answer: {
        "launches": tuple(Launch("Z", "w") for _ in answer.launches)
    },
    "is protected, and goes": lambda question, answer: {"terminates": names(question, is_valid=True)},
    "is busy, and is terminated": lambda question, answer: {
        "terminates": answer.terminates + answer.drains,
        "drains": (),
    },
    "does not go": lambda question, answer: {"terminates": answer.terminates[1:]},
    "is over, and is named": lambda question, answer: {"terminates": names(question)},
    "has no work, and drains": lambda question, answer: {"drains": answer.drains + answer.terminates[:1]},
    "stands twice": lambda question, answer: {"terminates": answer.terminates * 2},
    "there is no": lambda question, answer: {"terminates": ("nobody",)},
    "no reason says why": lambda question, answer: {"reasons": ()},
    "in another order": lambda question, answer: {"memo": {"first": names(question)[:1]}},
    "read": lambda question, answer: {"memo": {"size": nan}},
    "is not remembered": lambda question, answer: {"memo": None},
    "it says": lambda question, answer: {"status": "STABLE"},
}


@pytest.mark.parametrize("fault", BREAKAGES)
def test_a_broken_engine_is_caught(fault):
    told = (" ".join(failed.faults) for failed in asked_at_random(ENOUGH, simplest=broken(BREAKAGES[fault])))
    assert next((text for text in told if fault in text), None)


def test_a_question_that_fails_is_told_as_a_line_that_whatif_takes(monkeypatch, capsys):
    engines = {**installed_engines(), "simplest": broken(BREAKAGES["it says"])}
    monkeypatch.setattr("tests.questions.__main__.installed_engines", lambda: engines)
    assert main(["--count", "100", "--seed", str(SEED)]) == 1
    *told, last = capsys.readouterr().out.splitlines()
    assert last.startswith("100 questions, ")
    [number, *_] = (line.partition(":")[0].removeprefix("question ") for line in told[::2])
    assert main(["--seed", str(SEED), "--only", number]) == 0
    assert capsys.readouterr().out.splitlines() == told[1:2]


def test_none_fails_and_that_is_told(capsys):
    assert main(["--count", "50"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "50 questions, 0 failed"


@pytest.mark.parametrize("number", range(50))
def test_whatif_answers_a_line_as_the_engine_was_asked(number):
    one, answers = asked(Random(number)), list[bytes]()
    assert answer_lines("decide", [one.line(number).encode()], answers.append) == 0, answers
    own = msgspec.json.decode(msgspec.json.encode(decide(one.question, installed_engines())))
    said = msgspec.json.decode(answers[0])["out"]
    for answer in (said, own):
        answer["reasons"] = [(reason["stage"], reason["text"]) for reason in answer["reasons"]]
    assert said == own
