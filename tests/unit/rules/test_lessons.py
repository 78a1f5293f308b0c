"""What each kind of answer teaches."""

import pytest

from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, NoRoom, NotAsked, NotReady
from elastic.model.instance import Attempt
from elastic.model.states import InstanceState
from elastic.rules.dossier import Prepared
from elastic.rules.lessons import NotSent, of_create, of_prepare
from tests.unit.rules.views import record

NOW = 1000.0
FAILED, REJECTED = InstanceState.FAILED, InstanceState.REJECTED


def after(error: CloudUnavailable, again: float) -> CloudUnavailable:
    error.again = again
    return error


@pytest.mark.parametrize(
    ("error", "lesson"),
    [
        (None, {"prepared": Prepared(), "unready": ""}),
        (BadOrder("no image"), {"refused": (REJECTED, "no image")}),
        (NoRoom("quota"), {"refused": (FAILED, "quota")}),
        (after(NotReady("creating"), 2.0), {"unready": "creating", "wait_until": NOW + 2}),
        (after(CloudUnavailable("503"), 7.0), {"unready": "", "wait_until": NOW + 7}),
        (ValueError("unforeseen"), {"unready": "", "wait_until": NOW + 5}),
    ],
)
def test_of_a_preparation(error, lesson):
    """What is not ready is only so while the cloud says it: its silence says nothing."""
    assert of_prepare(record("i", 100), Prepared() if error is None else None, error, NOW) == lesson


def test_of_a_preparation_for_a_second_attempt():
    """The first may have taken effect meanwhile: it is looked for again."""
    again = record("i", 200, attempt=Attempt(1, 1.0, open=False))
    assert of_prepare(again, Prepared(), None, NOW) == {"prepared": Prepared(), "unready": "", "look": None}


@pytest.mark.parametrize(
    ("error", "lesson"),
    [
        (BadOrder("no image"), {"refused": (REJECTED, "no image")}),
        (CloudRefused("no"), {"refused": (FAILED, "no")}),
        (NotSent("late"), {"not_sent": True}),
        (after(NotAsked("busy"), 9.0), {"not_sent": True, "wait_until": NOW + 9}),
        (CloudUnavailable("no answer"), {"attempt_since": NOW}),
        (ValueError("unforeseen"), {"attempt_since": NOW}),
    ],
)
def test_of_a_create(error, lesson):
    """Whatever is not known for certain to have come to nothing has to be waited out."""
    assert of_create(None, error, NOW) == lesson
