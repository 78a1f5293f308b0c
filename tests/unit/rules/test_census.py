"""Which instances count."""

import pytest

from elastic.errors import BadRequest
from elastic.rules.census import LastChange, Memo, take_census
from tests.unit.asking import BUSY, asked, memo, one

OVER = (700, 800, 900, 950)
ILL = ("MISSING", "MONITOR_ERROR", "PROCESS_ERROR", "ZOMBIE")


def census(*instances, said=None):
    return take_census(asked({}, instances, memo=said), "east")


def names(instances):
    return [i.instance_id for i in instances]


@pytest.mark.parametrize("state", [100, 200, 300, 400, 500, 600])
@pytest.mark.parametrize("health", ["UNKNOWN", "OK", "OUT_OF_CONTACT"])
def test_what_serves_or_soon_will_is_counted(state, health):
    assert census(one("a", state, health)).size == 1


@pytest.mark.parametrize("state", [100, 400, 600, 650])
@pytest.mark.parametrize("health", ILL)
def test_the_ill_are_not(state, health):
    told = census(one("a", state, health))
    assert (told.size, names(told.unhealthy), told.zombies) == (0, ["a"], ())


@pytest.mark.parametrize("health", ["UNKNOWN", "OK", "OUT_OF_CONTACT"])
def test_one_that_came_up_wrong_is_ill_whatever_it_says(health):
    assert names(census(one("a", 650, health)).unhealthy) == ["a"]


@pytest.mark.parametrize("state", OVER)
def test_what_is_over_is_neither(state):
    told = census(one("a", state, "MISSING"), one("z", state, "ZOMBIE"))
    assert (told.size, told.unhealthy, names(told.zombies)) == (0, (), ["z"])


def test_leaving_ones_are_known_by_the_memo_and_keep_its_order():
    told = census(one("a"), one("b"), one("c", work=BUSY), said=memo(1, "c", "b", "c"))
    assert (names(told.counted), names(told.leaving), names(told.valid)) == (["a"], ["c", "b"], ["a", "c", "b"])


def test_to_be_protected_ill_or_over_is_to_be_no_longer_leaving():
    group = [one("safe", protected=True), one("ill", health="MISSING"), one("over", 700, "UNKNOWN")]
    told = census(*group, said=memo(1, "safe", "ill", "over", "gone"))
    assert (names(told.counted), told.leaving, names(told.unhealthy)) == (["safe"], (), ["ill"])


def test_the_base_is_the_last_size_or_what_there_is_and_was():
    group = [one("a"), one("b", health="MISSING"), one("c", 800, "UNKNOWN"), one("d")]
    assert census(*group).base == 3
    assert census(*group, said=memo(5)).base == 5
    assert census(*group, said=memo(0)).base == 0
    assert census(*group, said={"draining": ["d"]}).base == 2


def test_one_without_a_site_is_at_the_first():
    assert [i.site for i in census(one("a"), one("b", site="west")).counted] == ["east", "west"]


def test_a_memo_may_be_another_engines():
    other = {"history": [[1, 2]], "misses": 3, "size": 2.0, "last_change": {"at": 7, "direction": "in", "by": "x"}}
    assert Memo.read(other) == Memo(size=2, last_change=LastChange(7, "in"))
    assert Memo.read(None) == Memo.read({"size": None, "draining": None, "last_change": None}) == Memo()


@pytest.mark.parametrize(
    "said", [{"size": "2"}, {"size": 2.5}, {"draining": "a"}, {"last_change": {"at": 1, "direction": "up"}}]
)
def test_a_memo_that_nobody_wrote_is_refused(said):
    with pytest.raises(BadRequest, match="memo"):
        Memo.read(said)
