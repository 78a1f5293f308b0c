"""What one member may believe of another's memo."""

import pytest

from elastic.rules.memos import AHEAD, believable, draining

NOW = 1000.0


@pytest.mark.parametrize(
    ("memo", "said"),
    [
        (None, None),
        ({}, {}),
        ({"size": 3, "last_change": None}, {"size": 3, "last_change": None}),
        (
            {"last_change": {"at": NOW + AHEAD, "direction": "in"}},
            {"last_change": {"at": NOW + AHEAD, "direction": "in"}},
        ),
        ({"last_change": {"at": NOW + 3600, "direction": "in"}, "size": 2}, {"last_change": None, "size": 2}),
        ({"history": [[1, 2], [NOW + 9, 3], [NOW + 11, 4]]}, {"history": [[1, 2], [NOW + 9, 3]]}),
        ({"history": "of another engine", "last_change": 7}, {"history": "of another engine", "last_change": 7}),
        ({"history": [3, [], "x", None]}, {"history": [3, [], "x", None]}),
        ({"last_change": {"at": "noon"}}, {"last_change": {"at": "noon"}}),
    ],
)
def test_what_a_clock_ahead_has_stamped_is_left_out(memo, said):
    assert believable(memo, NOW) == said


def test_the_memo_itself_is_left_as_it_is():
    memo = {"last_change": {"at": NOW + 3600, "direction": "in"}}
    believable(memo, NOW)
    assert memo["last_change"] is not None


@pytest.mark.parametrize(
    ("memo", "named"),
    [
        (None, ()),
        ({}, ()),
        ({"draining": ["a", "b"]}, ("a", "b")),
        ({"draining": "a"}, ()),
        ({"draining": None}, ()),
        ({"draining": ("a",)}, ("a",)),
        ({"draining": [1, "a"]}, ("a",)),
    ],
)
def test_who_drains_is_named(memo, named):
    assert draining(memo) == named
