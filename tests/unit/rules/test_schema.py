"""Reading a config by its record: what is taken, and what is said of what is not."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from elastic.errors import BadRequest
from elastic.model.kinds import (
    AnyWhole,
    Count,
    Flat,
    Name,
    NotNegative,
    Part,
    Positive,
    Section,
    Signed,
    Whole,
    about,
)
from elastic.rules.schema import check_distinct, key_of, keys_of, read, unquoted

NO_NUMBER = [None, False, "3", [3], float("nan"), float("inf"), -float("inf"), 10**400]


def one(kind: Any, value: Any) -> Any:
    """`value` read at the key `k`, which may hold `kind`."""
    record = msgspec.defstruct("Record", [("k", kind)], frozen=True, kw_only=True)
    return read(record, {"k": value}).k


class Inner(Section, frozen=True, kw_only=True):
    name: Name
    low: Whole = 0
    high: Whole | None = None

    def __post_init__(self) -> None:
        if self.high is not None and self.high < self.low:
            raise ValueError(f"high is {self.high}, below low, {self.low}")


class Circle(Section, frozen=True, kw_only=True, tag_field="shape", tag="circle"):
    radius: Whole


class Square(Section, frozen=True, kw_only=True, tag_field="shape", tag="square"):
    side: Whole = 1


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    near: Whole = 0
    far: Annotated[Whole, about("a long way")] = msgspec.field(name="distance", default=9)

    def __post_init__(self) -> None:
        if self.far < self.near:
            raise ValueError("distance is nearer than near")


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    number: Whole
    mode: Literal["up", "down"] = "up"
    limit: Whole | None = 4
    inner: Inner = Inner(name="nobody")
    many: Annotated[tuple[Inner, ...], about("several", min_length=1)] = (Inner(name="nobody"),)
    mixed: tuple[Name | Inner, ...] = ()
    shapes: Annotated[tuple[Circle | Square, ...], about("those around", max_length=3)] = ()
    texts: dict[str, Name] = {}
    secret: str | None = None
    address: Annotated[str, about("where", title="an address", pattern="^http:")] = "http:"
    beside: Flat[Beside]

    def __post_init__(self) -> None:
        if self.number == 13:
            raise ValueError("13 brings bad luck")


def outer(**said: Any) -> Outer:
    return read(Outer, {"number": 1, **said})


class TestWhatIsTaken:
    @pytest.mark.parametrize(
        ("kind", "value", "came"),
        [
            (Whole, 3, 3),
            (Whole, 3.0, 3),
            (Whole, 0, 0),
            (Whole, 2**53, 2**53),
            (Count, 1, 1),
            (AnyWhole, -2, -2),
            (NotNegative, 0.1, 0.1),
            (NotNegative, 0, 0),
            (Positive, 5e-324, 5e-324),
            (Part, 1, 1),
            (Part, 0.5, 0.5),
            (Signed, -3.5, -3.5),
            (Signed, -3, -3),
            (Signed, 1.7976931348623157e308, 1.7976931348623157e308),
            (Name, "x", "x"),
            (tuple[str, ...], ["a", "b"], ("a", "b")),
            (tuple[str, ...], ("a",), ("a",)),
            (tuple[Any, ...] | str, "a,b", "a,b"),
            (dict[str, Any], {"a": None}, {"a": None}),
        ],
    )
    def test_a_good_value(self, kind, value, came):
        assert one(kind, value) == came

    def test_a_whole_number_stays_whole_and_another_one_as_it_was(self):
        assert (type(one(Whole, 3.0)), type(one(Signed, 3)), type(one(Signed, 3.0))) == (int, int, float)

    def test_null_stands_for_the_default_wherever_it_is(self):
        said = dict.fromkeys(set(keys_of(Outer)) - {"number", "limit"})
        assert outer(**said) == outer()
        assert outer(inner={"name": "a", "low": None}).inner == Inner(name="a")
        assert outer(many=[{"name": "a", "low": None}]).many == (Inner(name="a"),)

    def test_but_where_null_is_a_value_of_its_own(self):
        assert outer(limit=None).limit is None
        assert outer().limit == 4

    def test_keys_that_stand_beside_are_read_too(self):
        assert outer(near=2.0, distance=3).beside == Beside(near=2, far=3)

    def test_lists_of_several_kinds(self):
        assert outer(mixed=["a", {"name": "b", "low": 2.0}]).mixed == ("a", Inner(name="b", low=2))
        shapes = [{"shape": "square", "side": 2.0}, {"radius": 3, "shape": "circle"}]
        assert outer(shapes=shapes).shapes == (Square(side=2), Circle(radius=3))


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("kind", "values", "said"),
        [
            (Whole, [-1, 2.5, -1.0, 2**53 + 1, True, *NO_NUMBER[1:]], "a whole number, 0 or more, not "),
            (Count, [0, 0.5], "a whole number, 1 or more, not "),
            (AnyWhole, [2.5, "x"], "a whole number, not "),
            (NotNegative, [-0.1, *NO_NUMBER[1:]], "a number, 0 or more, not "),
            (Positive, [0, 0.0, -1, *NO_NUMBER[1:]], "a number above 0, not "),
            (Part, [0, 1.1, 2], "a number above 0, 1 at most, not "),
            (Signed, NO_NUMBER[1:], "a number, not "),
            (Name, [3, ["x"], {"a": 1}], "a text, not a (number|list|map)$"),
            (bool, ["yes", 0, 1.0], "true or false, not "),
            (Literal["up", "down"], ["left", 1], "down or up, not "),
            (tuple[str, ...], ["a", [1], {"a": 1}, 3], "a list of texts, not "),
            (dict[str, Any], [[1], "a", 0], "a map, not "),
            (Annotated[Whole | str, about("x", title="a size")], [-1, True, []], "a size, not "),
        ],
    )
    def test_a_bad_value_is_named_with_what_may_stand_there(self, kind, values, said):
        for value in values:
            with pytest.raises(BadRequest, match=f"^k has to be {said}|^k must not be empty$"):
                one(kind, value)

    @pytest.mark.parametrize(
        ("said", "fault"),
        [
            ({"number": None}, "number is missing"),
            ({"inner": {}}, "inner.name is missing"),
            ({"inner": {"name": None}}, "inner.name is missing"),
            ({"inner": {"name": ""}}, "inner.name must not be empty"),
            ({"inner": 3}, "inner has to be a map, not a number"),
            ({"many": []}, "many must not be empty"),
            ({"many": {"name": "a"}}, "many has to be a list of maps, not a map"),
            ({"many": [{"name": "a"}, "b"]}, "many[1] has to be a map, not a text"),
            ({"many": [{"name": "a", "low": -1}]}, "many[0].low has to be a whole number, 0 or more, not -1"),
            ({"many": [{"name": "a", "lo": 1}]}, "'lo' is no key of many[0]; its keys are name, low, high"),
            ({"many": [{"name": "a", "low": 3, "high": 2}]}, "many[0].high is 2, below low, 3"),
            ({"inner": {"name": "a", "low": 3, "high": 2}}, "inner.high is 2, below low, 3"),
            ({"mixed": ["a", 3]}, "mixed[1] has to be a text or a map, not a number"),
            ({"mixed": [{"nam": 1}]}, "'nam' is no key of mixed[0]; its keys are name, low, high"),
            ({"shapes": [{}]}, "shapes[0].shape is missing"),
            (
                {"shapes": [{"shape": "line"}]},
                "shapes[0].shape: there is none called 'line', only circle, square",
            ),
            ({"shapes": [{"shape": ["circle"]}]}, "shapes[0].shape: there is none called ['circle'], only "),
            (
                {"shapes": [{"shape": "circle", "side": 1}]},
                "'side' is no key of shapes[0]; its keys are shape, radius",
            ),
            ({"texts": {"a": "x", "b": 3}}, "texts.b has to be a text"),
            ({"texts": {"a": None}}, "texts.a has to be a text"),
            ({"near": -1}, "near has to be a whole number, 0 or more, not -1"),
            ({"distance": -1}, "distance has to be a whole number, 0 or more, not -1"),
            ({"far": 1}, "'far' is no key of this config; its keys are number, mode, limit, "),
            ({"beside": {}}, "'beside' is no key of this config; its keys are "),
            ({"number": 13}, "13 brings bad luck"),
            ({"number": 13.0}, "13 brings bad luck"),
        ],
    )
    def test_a_fault_is_told_with_its_place(self, said, fault):
        with pytest.raises(BadRequest) as told:
            outer(**said)
        assert str(told.value).startswith(fault)

    def test_one_that_is_inside_another_is_told_with_the_others_place(self):
        with pytest.raises(BadRequest, match=r"^there\[1\]\.high is 1, below low, 2$"):
            read(Inner, {"name": "a", "low": 2, "high": 1}, "there[1]")
        with pytest.raises(BadRequest, match=r"^there\[1\] has to be a map, not a number$"):
            read(Inner, 3, "there[1]")

    @pytest.mark.parametrize(
        "said",
        [
            {"secret": 54321},
            {"secret": ["54321"]},
            {"texts": "54321"},
            {"texts": ["54321"]},
            {"texts": {"a": 54321}},
            {"inner": "54321"},
            {"many": ["54321"]},
            {"mixed": [54321]},
            {"address": "54321"},
        ],
    )
    def test_what_may_be_a_secret_is_not_repeated(self, said):
        with pytest.raises(BadRequest) as told:
            outer(**said)
        assert "54321" not in str(told.value)

    def test_nor_is_a_whole_config_that_is_none(self):
        for said in ("token=54321", ["54321"], 54321):
            with pytest.raises(BadRequest) as told:
                read(Inner, said, "here")
            assert "54321" not in str(told.value)

    @pytest.mark.parametrize(
        ("said", "fault"),
        [
            ({"inner": [{}]}, "inner has to be a map, not a list"),
            ({"inner": []}, "inner has to be a map, not a list"),
            ({"texts": []}, "texts has to be a map of texts, not a list"),
            ({"shapes": ""}, "shapes has to be a list of maps, 3 at most, not a text"),
            ({"shapes": [{"shape": "square"}] * 4}, "shapes has to be a list of maps, 3 at most, not one of 4"),
            ({"number": []}, "number has to be a whole number, 0 or more, not a list"),
            ({"near": 8, "distance": 7}, "distance is nearer than near"),
            ({"near": 8.0, "distance": 7.0}, "distance is nearer than near"),
        ],
    )
    def test_it_is_told_in_words_of_our_own(self, said, fault):
        with pytest.raises(BadRequest) as told:
            outer(**said)
        assert str(told.value) == fault

    def test_a_number_without_end_is_one_all_the_same(self):
        with pytest.raises(BadRequest, match="number has to be a whole number, 0 or more, not that"):
            outer(number=10**6000)

    def test_a_long_value_is_cut(self):
        with pytest.raises(BadRequest) as told:
            outer(number=["x" * 1000])
        assert len(str(told.value)) < 300


def test_keys_are_named_as_configs_name_them():
    assert keys_of(Outer)[-3:] == ("address", "near", "distance")
    assert keys_of(Circle) == ("shape", "radius")
    assert key_of(Beside, "far") == "distance"


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("3", 3),
        ("-1", -1),
        (" 3 ", 3),
        ("2.5", 2.5),
        ("1e2", 100.0),
        ("0.1", 0.1),
        *((value, value) for value in ("", "three", "1_000", "0x10", 4, 2.5, True, None, ["3"])),
    ],
)
def test_a_number_that_stands_as_a_text_is_read(text, came):
    assert unquoted({"k": text, "other": "3"}, ["k", "absent"]) == {"k": came, "other": "3"}


@pytest.mark.parametrize("text", ["inf", "nan", "1e999", "9" * 5000])
def test_one_that_cannot_be_reckoned_with_is_refused_all_the_same(text):
    for kind in (Whole, Signed):
        with pytest.raises(BadRequest, match="k"):
            one(kind, unquoted({"k": text}, ["k"])["k"])


def test_a_name_that_stands_twice_is_told():
    check_distinct("k", ["a", "b"])
    check_distinct("k", [])
    with pytest.raises(ValueError, match="k: 'a'"):
        check_distinct("k", ["a", "b", "a"])
