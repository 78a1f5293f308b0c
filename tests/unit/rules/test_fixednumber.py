"""A size that the config names, and what is said when it is another than before."""

import pytest

from elastic.rules.census import take_census
from elastic.rules.common import Common
from elastic.rules.fixednumber import held, kept
from elastic.rules.onesite import OneSite
from elastic.rules.sizing import Limits
from tests.unit.asking import asked, launched, memo, several, stages

PLACE = OneSite(site="A", deployable_type="dt", allocation=None)


@pytest.mark.parametrize(
    ("wanted", "base", "limits", "desired", "said"),
    [
        (3, 3, Limits(), 3, []),
        (3, 2, Limits(), 3, ["policy"]),
        (3, 4, Limits(), 3, ["policy"]),
        (5, 5, Limits(share=3), 3, ["share"]),
        (5, 4, Limits(share=3), 3, ["share"]),
        (5, 2, Limits(share=3), 3, ["policy", "share"]),
        (5, 5, Limits(share=1), 2, ["share"]),
        (5, 5, Limits(share=1, reclaim=True), 1, ["share"]),
        (1, 5, Limits(share=1), 1, ["policy"]),
    ],
)
def test_it_is_that_number_within_the_share_of_two_that_are_counted(wanted, base, limits, desired, said):
    census = take_census(asked({}, several("A", 2)), "A")
    came, reasons = held("preserve_n", wanted, census, base, limits)
    assert (came, [reason.stage for reason in reasons]) == (desired, said)


def test_a_change_is_told_by_the_key_that_names_the_number():
    census = take_census(asked({}), "A")
    (reason,) = held("how_many", 3, census, 2, Limits())[1]
    assert reason.text == "how_many is 3, in place of 2"


def test_it_is_reached_at_one_site_and_no_cooldown_starts():
    change = {"at": 5, "direction": "in"}
    question = asked({}, several("A", 1), memo=memo(1, last_change=change))
    answer = kept("preserve_n", 3, PLACE, Common(), question)
    assert (launched(answer), answer.memo) == (["A", "A"], memo(3, last_change=change))
    assert stages(answer) == {"policy", "launch"}
