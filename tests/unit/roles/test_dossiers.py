"""What was learnt of an instance counts only under the tenure in which it was learnt."""

import pytest

from elastic.model.assignment import Tenure
from elastic.model.instance import Attempt
from elastic.roles.dossiers import Dossiers
from elastic.roles.sightings import Sighting
from elastic.rules.dossier import Dossier
from tests.unit.rules.views import record


@pytest.fixture
def dossiers() -> Dossiers:
    made = Dossiers()
    made.note("a", 3, gone=True)
    return made


def tenure(since: int) -> Tenure:
    return Tenure(0, "me", since, 9)


def test_of_one_that_was_never_noted_nothing_is_known():
    assert Dossiers().bare("a", 3) == Dossier()


def test_what_is_learnt_is_added_to_what_is_known(dossiers):
    assert dossiers.note("a", 3, deleted_at=5.0) == Dossier(gone=True, deleted_at=5.0)
    assert dossiers.bare("a", 3) == Dossier(gone=True, deleted_at=5.0)
    assert dossiers.bare("b", 3) == Dossier()


def test_what_was_learnt_under_an_older_tenure_counts_for_nothing(dossiers):
    assert dossiers.bare("a", 4) == Dossier()
    assert dossiers.note("a", 4, under_way=True) == Dossier(under_way=True)


def test_an_answer_that_comes_under_a_newer_tenure_is_dropped(dossiers):
    dossiers.note("a", 4, under_way=True)
    dossiers.note("a", 3, gone=True)
    assert dossiers.bare("a", 4) == Dossier(under_way=True)
    assert dossiers.bare("a", 3) == Dossier()


def test_the_ages_are_those_of_the_record_as_we_have_seen_it(dossiers):
    seen = Sighting(record("a", 200, attempt=Attempt(1, 1.0)), 50.0)
    seen.attempt_since = 60.0
    found = dossiers.of(record("a"), seen, tenure(3))
    assert (found.since, found.attempt_since, found.gone) == (50.0, 60.0, True)


@pytest.mark.parametrize(("learnt", "since"), [(40.0, 60.0), (70.0, 70.0)])
def test_an_attempt_is_settled_from_when_our_own_call_ended_if_that_was_later(dossiers, learnt, since):
    dossiers.note("a", 3, attempt_since=learnt)
    seen = Sighting(record("a"), 60.0)
    assert dossiers.of(record("a"), seen, tenure(3)).attempt_since == since


def test_what_was_forgotten_is_not_known(dossiers):
    dossiers.forget("a")
    assert dossiers.bare("a", 3) == Dossier()


def test_what_went_elsewhere_is_not_known(dossiers):
    dossiers.keep_only({"b"}, set())
    assert dossiers.bare("a", 3) == Dossier()
