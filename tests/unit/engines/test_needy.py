"""A number that somebody else sets, who also says which go first, and a value of its own for each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.engines.needy import Needy
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch, Place
from tests.unit.asking import BUSY, IDLE, asked, failures, memo, one, stages
from tests.unit.engines.drawn import groups, memos, shares, sizes, times, turns

CONF = {"deployable_type": "dt", "iaas_site": "chicago"}


def decided(n: int | None, *instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any) -> Answer:
    full = {**CONF, "preserve_n": n, **(conf or {})}
    return Needy.configured(full).decide(asked(full, instances, **rest))


def test_it_launches_what_is_missing_as_it_is_configured():
    assert decided(2).launches == (Launch("chicago", "dt"),) * 2
    assert decided(1, conf={"iaas_allocation": "big"}).launches == (Launch("chicago", "dt", "big"),)


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"preserve_n": -4}, "preserve_n"),
        ({"preserve_n": "2"}, "preserve_n"),
        ({"iaas_site": None}, "iaas_site"),
        ({"deployable_type": None}, "deployable_type"),
        ({"iaas_allocation": 3}, "iaas_allocation"),
        ({"retirable_nodes": "a"}, "retirable_nodes"),
        ({"unique_key": 3}, "unique_key"),
        ({"unique_values": {"a": 1}}, "unique_values"),
        ({"minimum_vms": 1}, "minimum_vms"),
    ],
)
def test_what_is_wrong_with_a_config_is_named(conf, named):
    with pytest.raises(BadRequest, match=named):
        decided(1, conf=conf)


@pytest.mark.parametrize("conf", [{}, {"preserve_n": None}, {"preserve_n": 0}])
def test_nothing_wanted_needs_no_site(conf):
    answer = Needy.configured(conf).decide(asked(conf, [one("a")]))
    assert (answer.desired, answer.terminates, Needy.configured(conf).places) == (0, ("a",), ())


def test_it_says_what_it_may_launch():
    keys = ("engine_conf.iaas_site", "engine_conf.deployable_type", "engine_conf.iaas_allocation")
    assert Needy.configured({**CONF, "preserve_n": 1}).places == (Place("chicago", "dt", *keys),)


class TestNamedNodes:
    def decided(self, n, *instances, names=("c", "a"), **rest):
        return decided(n, *instances, conf={"retirable_nodes": list(names)}, **rest)

    def group(self, **of_c):
        return [one("a", at=10), one("b", at=40), one("c", at=5, **of_c), one("d", 400, "UNKNOWN")]

    def test_they_go_before_all_others_as_named(self):
        assert self.decided(2, *self.group()).terminates == ("c", "a")
        assert self.decided(1, *self.group()).terminates == ("c", "a", "d")
        assert self.decided(3, *self.group(), names=("gone", "a", "a")).terminates == ("a",)

    def test_to_name_one_is_not_to_remove_it(self):
        answer = self.decided(4, *self.group())
        assert (answer.terminates, answer.launches) == ((), ())

    def test_a_busy_one_drains(self):
        answer = self.decided(2, *self.group(work=BUSY))
        assert (answer.terminates, answer.drains) == (("a",), ("c",))

    def test_a_protected_one_stays(self):
        assert self.decided(2, *self.group(protected=True)).terminates == ("a", "d")

    def test_the_ill_go_first_and_make_up_the_number(self):
        assert self.decided(3, *self.group(), one("x", health="MISSING")).terminates == ("x", "c")


class TestUniqueValues:
    def decided(self, n, *instances, values, **rest):
        return decided(n, *instances, conf={"unique_key": "slot", "unique_values": values}, **rest)

    def holding(self, value, *args, **rest):
        return one("h", *args, extravars={"slot": value}, **rest)

    def values(self, answer):
        return [launch.extravars["slot"] for launch in answer.launches]

    @pytest.mark.parametrize(
        ("values", "came"),
        [
            (["b", "a", "c"], ["b", "a"]),
            (" b ,, a,c", ["b", "a"]),
            (["b", "b", "a"], ["b", "a"]),
            ([1, "1", 2], [1, 2]),
            ([{"x": 1}, None], [{"x": 1}, None]),
        ],
    )
    def test_each_launch_takes_the_next_as_it_is_written(self, values, came):
        assert self.values(self.decided(2, values=values)) == came

    @pytest.mark.parametrize("state", [100, 300, 600])
    @pytest.mark.parametrize("held", [1, "1"])
    def test_what_a_valid_one_holds_is_taken(self, state, held):
        assert self.values(self.decided(2, self.holding(held, state), values=[1, 2])) == [2]

    @pytest.mark.parametrize(("state", "health"), [(600, "MISSING"), (650, "OK"), (700, "OK"), (900, "UNKNOWN")])
    def test_what_another_held_is_free(self, state, health):
        assert self.values(self.decided(1, self.holding("a", state, health), values="a, b")) == ["a"]

    def test_a_leaving_one_holds_its_value_though_it_is_done(self):
        going = self.holding("a", work=IDLE)
        answer = self.decided(2, one("n"), one("m"), going, values="a, b", memo=memo(2, "h"))
        assert answer.terminates == ("h",)
        answer = self.decided(4, one("n"), one("m"), going, values="a, b", memo=memo(2, "h"))
        assert (answer.terminates, self.values(answer)) == ((), ["b"])

    def test_one_of_another_key_holds_none(self):
        assert self.values(self.decided(2, one("n", extravars={"other": "a"}), values="a, b")) == ["a"]

    def test_when_none_is_left_launching_stops_with_a_reason(self):
        answer = self.decided(4, values="a, b")
        assert (self.values(answer), answer.desired) == (["a", "b"], 4)
        assert "unique" in stages(answer)

    def test_what_has_no_value_does_not_wait_for_the_site(self):
        sick = failures(3, at=1000, site="chicago")
        answer = self.decided(2, self.holding("a", at=0), *sick, values="a")
        assert (answer.launches, answer.status) == ((), "STABLE")
        assert stages(answer) == {"policy", "unique"}
        assert self.decided(2, self.holding("a", at=0), *sick, values="a, b").status == "PENDING"

    @pytest.mark.parametrize(
        "conf",
        [
            {"unique_key": None, "unique_values": "a"},
            {"unique_key": "slot"},
            *({"unique_key": "slot", "unique_values": values} for values in ("", " , ", [], None)),
        ],
    )
    def test_without_a_key_or_values_they_are_off(self, conf):
        assert decided(2, conf=conf).launches == (Launch("chicago", "dt"),) * 2


@given(sizes, groups("chicago"), memos, shares, times, turns)
def test_the_order_of_the_instances_does_not_matter(n, group, said, share, now, random):
    rest = {"memo": said, "share": share, "now": now, "conf": {"retirable_nodes": ["e", "b"]}}
    assert decided(n, *random.sample(group, len(group)), **rest) == decided(n, *group, **rest)


@given(sizes, st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from(["a", "b", "c", "d", "e"])))
def test_no_two_ever_hold_one_value(n, held, values):
    group = [one(f"i{k}", extravars={"slot": value}) for k, value in enumerate(held)]
    answer = decided(n, *group, conf={"unique_key": "slot", "unique_values": values})
    if values:
        given_out = [launch.extravars["slot"] for launch in answer.launches]
        assert len(set(given_out)) == len(given_out)
        assert not set(given_out) & set(held)


@pytest.mark.parametrize("said", [{}, {"iaas_allocation": None}])
def test_without_an_allocation_a_launch_has_none(said):
    conf = {"preserve_n": 1, "deployable_type": "dt", "iaas_site": "A", **said}
    assert [launch.allocation for launch in Needy.configured(conf).decide(asked({})).launches] == [None]
