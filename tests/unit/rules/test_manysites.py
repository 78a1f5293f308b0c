"""Several sites: who has to leave one, and which site a launch goes to."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.rules.census import take_census
from elastic.rules.manysites import ManySites, Retired, Site, by_site, fill, place, spread
from tests.unit.asking import IDLE, asked, failures, memo, one, several


def census(*instances, **rest):
    return take_census(asked({}, instances, **rest), "A")


def names(instances):
    return [i.instance_id for i in instances]


def sites(**sizes):
    return [Site(name, size) for name, size in sizes.items()]


def weighed(**weights):
    return [Site(name, weight=weight) for name, weight in weights.items()]


@pytest.mark.parametrize(("size", "taken", "room"), [(None, 9, None), (3, 1, 2), (3, 3, 0), (3, 4, 0), (0, 0, 0)])
def test_room_is_what_is_not_taken_and_never_less_than_none(size, taken, room):
    assert Site("A", size).room(taken) == room


class TestRetiring:
    def retired(self, *instances, **rest):
        there = census(*instances)
        return Retired(there).then(there.counted, "why", **rest)

    def test_those_chosen_go_in_order_and_count_no_more(self):
        there = census(one("a", at=1), one("b", at=2), one("c", work=IDLE), one("d"))
        left, going, reasons = Retired(there).then(there.counted[:3], "why")
        assert (names(going), names(left.counted)) == (["c", "b", "a"], ["d"])
        assert [(reason.stage, reason.text) for reason in reasons] == [("retire", "c, b, a: why: has to go")]

    def test_or_the_oldest_first(self):
        assert names(self.retired(one("a", at=2), one("b", at=1), oldest_first=True).going) == ["b", "a"]

    def test_a_protected_one_stays_with_a_reason(self):
        left, going, reasons = self.retired(one("a"), one("p", protected=True))
        assert (names(going), names(left.counted)) == (["a"], ["p"])
        assert [reason.text for reason in reasons] == ["a: why: has to go", "p: why, but it is protected"]

    def test_nobody_chosen_nothing_said(self):
        there = census(one("a"))
        assert Retired(there).then((), "why") == (there, (), ())


def test_those_retire_that_are_counted_at_a_site_which_has_no_name_here():
    group = [one("nowhere"), one("b", site="B"), one("x", site="X"), one("y", site="Y"), one("ill", 650, site="X")]
    where = ManySites(sites=tuple(sites(A=0, B=1)), deployable_type="t", allocation=None, placement=fill)
    assert names(where.retire_others(Retired(census(*group, memo=memo(1, "y"))), oldest_first=False).going) == [
        "x"
    ]


def test_by_site_is_how_many_are_where():
    assert by_site([*several("A", 2), *several("B", 1)]) == {"A": 2, "B": 1}
    assert by_site([])["A"] == 0


@pytest.mark.parametrize(
    ("missing", "of_sites", "taken", "came"),
    [
        (0, sites(A=None), "", ""),
        (3, sites(A=None, B=None), "", "AAA"),
        (3, sites(A=2, B=2), "", "AAB"),
        (3, sites(A=2, B=2), "A", "ABB"),
        (3, sites(A=2, B=2), "AAAB", "B"),
        (3, sites(A=0, B=None), "", "BBB"),
        (3, sites(), "", ""),
    ],
)
def test_to_fill_is_one_site_after_the_other(missing, of_sites, taken, came):
    assert fill(missing, of_sites, Counter(taken)) == list(came)


@pytest.mark.parametrize(
    ("missing", "of_sites", "taken", "came"),
    [
        (0, sites(A=None), "", ""),
        (4, sites(A=None, B=None, C=None), "", "ABCA"),
        (4, sites(A=None, B=None, C=None), "AAC", "BBCA"),
        (4, sites(A=1, B=None), "", "ABBB"),
        (4, sites(A=1, B=1), "", "AB"),
        (2, sites(A=1, B=5), "AAB", "BB"),
        (6, weighed(A=1, B=2), "", "ABBABB"),
        (4, weighed(A=0.1, B=0.3), "", "ABBB"),
        (3, weighed(A=0.1, B=0.3), "AB", "BBA"),
        (3, sites(), "", ""),
    ],
)
def test_to_spread_is_where_fewest_are_for_the_weight_the_earlier_of_two(missing, of_sites, taken, came):
    assert spread(missing, of_sites, Counter(taken)) == list(came)


class TestPlacing:
    def placed(self, missing, of_sites, *records, taken="", placement=fill, now=101):
        return place(missing, of_sites, Counter(taken), placement, records, now)

    def stages(self, placed):
        return [reason.stage for reason in placed.reasons]

    def test_what_is_chosen_is_told(self):
        placed = self.placed(3, sites(A=2, B=None))
        assert (placed.sites, placed.waits) == (["A", "A", "B"], False)
        assert [(reason.stage, reason.text) for reason in placed.reasons] == [("launch", "2 at A, 1 at B")]

    def test_nothing_missing_nothing_said(self):
        assert self.placed(0, sites(A=0, B=None), *failures(3, site="B")) == ([], False, ())

    @pytest.mark.parametrize(
        ("missing", "of_sites", "closed", "came", "waits", "said"),
        [
            (2, sites(A=None, B=None), "A", "BB", False, ["launch", "backoff"]),
            (2, sites(A=None, B=None), "B", "AA", False, ["launch"]),
            (2, sites(A=None, B=None), "AB", "", True, ["backoff"]),
            (2, sites(A=0, B=None), "A", "BB", False, ["launch"]),
            (2, sites(A=0), "A", "", False, ["capacity"]),
            (2, sites(A=1, B=None), "B", "A", True, ["launch", "backoff", "capacity"]),
            (2, sites(A=1, B=1, C=1), "B", "AC", False, ["launch", "backoff"]),
            (3, sites(A=1, B=1, C=1), "B", "AC", True, ["launch", "backoff", "capacity"]),
            (2, sites(A=1, B=1), "AB", "", True, ["backoff", "backoff"]),
            (3, sites(A=1, B=1), "AB", "", True, ["backoff", "backoff", "capacity"]),
        ],
    )
    def test_sites_in_backoff_are_passed_over_and_told_where_it_matters(
        self, missing, of_sites, closed, came, waits, said
    ):
        records = [i for name in closed for i in failures(3, site=name)]
        placed = self.placed(missing, of_sites, *records)
        assert (placed.sites, placed.waits, self.stages(placed)) == (list(came), waits, said)

    def test_when_backoff_ends_is_told(self):
        (reason,) = self.placed(1, sites(A=None), *failures(4, at=100.5, site="A")).reasons
        assert reason.text == "A: launches failed there, none before 1970-01-01T00:02:00.500Z"

    @pytest.mark.parametrize(
        ("missing", "taken", "closed", "text"),
        [
            (3, "", "", "no room for 1 more: A, B are full"),
            (1, "AB", "", "no room for 1 more: A, B are full"),
            (2, "B", "A", "no room for 2 more: B is full"),
            (3, "", "AB", "no room for 1 more, even were there no backoff"),
        ],
    )
    def test_what_finds_no_room_is_told(self, missing, taken, closed, text):
        records = [i for name in closed for i in failures(3, site=name)]
        placed = self.placed(missing, sites(A=1, B=1), *records, taken=taken)
        assert [reason.text for reason in placed.reasons if reason.stage == "capacity"] == [text]


of_any = st.builds(Site, st.sampled_from("ABC"), st.one_of(st.none(), st.integers(0, 4)), st.integers(1, 3))
some_sites = st.lists(of_any, max_size=3, unique_by=lambda site: site.name)
held = st.text("ABC", max_size=6)


@given(st.integers(0, 9), some_sites, held, st.sampled_from([fill, spread]))
def test_there_are_as_many_as_are_missing_or_there_is_room_for_and_none_beyond_it(
    missing, of_sites, taken, placement
):
    chosen = Counter(placement(missing, of_sites, Counter(taken)))
    rooms = {site.name: site.room(taken.count(site.name)) for site in of_sites}
    assert all(rooms[name] is None or count <= rooms[name] for name, count in chosen.items())
    unlimited = None in rooms.values()
    assert sum(chosen.values()) == (missing if unlimited else min(missing, sum(rooms.values())))
