"""Of all the heartbeats that arrive, the doctor is to look at those that say something new."""

import pytest

from elastic.adapters.lastheard import MemoryLastHeard
from elastic.model.actions import Work
from elastic.model.heartbeat import Heard
from elastic.roles.attention import Attention
from tests.unit.roles.setting import WEB, Setting
from tests.unit.rules.views import record


def heard(state: str = "OK", seq: int = 1, at: float = 5.0) -> Heard:
    return Heard(at, state, boot="b", seq=seq)


def watched(*instances) -> tuple[Attention, list]:
    here, told = Setting(), []
    here.add("web", *instances)
    mirror = here.mirror()
    mirror.refresh()
    return Attention(MemoryLastHeard(), mirror, told.append), told


@pytest.mark.parametrize(
    ("state", "health", "said", "matters"),
    [
        (600, "OK", "OK", False),
        (600, "PROCESS_ERROR", "PROCESS_ERROR", False),
        (600, "OK", "PROCESS_ERROR", True),
        (600, "PROCESS_ERROR", "OK", True),
        (600, "UNKNOWN", "OK", True),
        (600, "OUT_OF_CONTACT", "OK", True),
        (600, "MISSING", "OK", True),
        (500, "UNKNOWN", "OK", True),
        (500, "OK", "OK", True),  # first heard from: it runs
        (700, "UNKNOWN", "OK", True),
        (800, "ZOMBIE", "OK", True),
    ],
)
def test_what_is_not_as_known_matters(state, health, said, matters):
    attention, told = watched(record("a", state, health))
    assert attention.note("a", heard(said))
    assert told == ([WEB] if matters else [])


def test_old_news_matters_to_nobody():
    attention, told = watched(record("a", 500, "UNKNOWN"))
    attention.note("a", heard(seq=2))
    assert not attention.note("a", heard(seq=2))
    assert not attention.note("a", heard("PROCESS_ERROR", seq=1))
    assert told == [WEB]
    assert attention.of("a") == heard(seq=2)


def test_a_stranger_is_remembered_and_matters_to_nobody():
    attention, told = watched()
    assert attention.note("x", heard())
    assert (attention.of("x"), told) == (heard(), [])


def test_those_that_are_no_more_are_forgotten():
    attention, _ = watched(record("a"))
    attention.note("a", heard())
    attention.note("x", heard())
    attention.keep_only(["a"])
    assert (attention.of("a"), attention.of("x")) == (heard(), None)


IDLE, BUSY = Work(), Work(active=1)


@pytest.mark.parametrize(
    ("before", "after", "matters"),
    [
        (None, ("", BUSY), False),
        (None, ("draining", BUSY), True),
        (("", BUSY), ("", IDLE), False),
        (("", BUSY), ("draining", BUSY), True),
        (("draining", BUSY), ("draining", BUSY), False),
        (("draining", BUSY), ("draining", IDLE), True),
        (("draining", None), ("drained", None), True),
        (("drained", None), ("", None), True),
    ],
)
def test_how_far_a_drain_has_come_matters_and_work_does_only_then(before, after, matters):
    attention, told = watched(record("a"))
    for seq, (drain, work) in enumerate(filter(None, (before, after)), 1):
        told.clear()
        attention.note("a", Heard(5.0, "OK", boot="b", seq=seq, drain=drain, work=work))
    assert told == ([WEB] if matters else [])
