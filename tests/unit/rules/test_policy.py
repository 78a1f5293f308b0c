"""Asking an engine; and what is done when none is asked."""

import pytest

from elastic.engines.simplest import Simplest
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Question
from elastic.rules.policy import decide
from tests.unit.asking import BUSY, asked, one, stages

ENGINES = {"simplest": Simplest}


class Faulty:
    @classmethod
    def configured(cls, conf):
        raise AssertionError("asked")

    def decide(self, question: Question) -> Answer:
        raise AssertionError("asked")


def test_the_default_engine_is_simplest():
    assert len(decide(asked({"preserve_n": 2}), ENGINES).launches) == 2


def test_a_removed_domain_ends_empty_and_asks_no_engine():
    group = [
        one("e", 400, "UNKNOWN"),
        one("b", work=BUSY),
        one("a", protected=True),
        one("y", health="MISSING"),
        one("c", 700, "UNKNOWN"),
        one("f", 900, "UNKNOWN"),
        one("d", 800, "ZOMBIE"),
    ]
    question = asked({"preserve_n": "x"}, group, engine="faulty", removed=True, share=1, memo={"size": 3})
    answer = decide(question, {"faulty": Faulty})
    assert answer.terminates == ("d", "y", "a", "b", "e")
    assert (answer.launches, answer.drains, answer.desired, answer.memo) == ((), (), 0, None)
    assert (answer.status, stages(answer)) == ("PENDING", {"removed"})


def test_a_removed_domain_with_nothing_left_is_at_rest():
    answer = decide(asked({}, [one("c", 700, "UNKNOWN")], removed=True, engine="gone"), ENGINES)
    assert (answer.terminates, answer.status) == ((), "STABLE")


@pytest.mark.parametrize(
    ("question", "named"),
    [
        (asked({"preserve_n": 1}, engine="epu.SimplestEngine"), "epu.SimplestEngine"),
        (asked({"preserve_n": 1}, [one("a"), one("b"), one("a", 800)]), "'a'"),
        (asked({}, [one("a"), one("a")], removed=True), "'a'"),
        (asked({"preserve_n": 1}, share=-1), "share"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(question, named):
    with pytest.raises(BadRequest, match=named):
        decide(question, ENGINES)
