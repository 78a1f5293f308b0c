"""Reading engine_conf: each key by its type, and what is wrong by its name."""

import pytest

from elastic.errors import BadRequest
from elastic.rules.exact import is_number
from elastic.rules.settings import COMMON, Settings, distinct, unquoted

GOOD = {
    "victims": "oldest",
    "reclaim": True,
    "provisioner_vars": {"a": 1},
    "sensor_type": "opentsdb",
    "monitor_sensors": ["load"],
    "monitor_domain_sensors": [],
    "sample_period": 0.5,
    "sample_function": "Maximum",
    "opentsdb_host": "h",
    "opentsdb_port": 4242,
    "access_key": "a",
    "secret_key": "s",
    "sensor_data": {"any": ["thing"]},
}


def read(reader, value, **rest):
    return getattr(Settings({"k": value}, ["k"]), reader)("k", **rest)


@pytest.mark.parametrize(
    ("reader", "value", "came"),
    [
        ("integer", 3, 3),
        ("integer", 3.0, 3),
        ("integer", 0, 0),
        ("number", 0.1, 0.1),
        ("number", 0, 0),
        ("text", "x", "x"),
        ("names", ["a", "b"], ("a", "b")),
        ("names", None, ()),
        ("items", [1, "b"], (1, "b")),
        ("items", "a, b,,c ", ("a", "b", "c")),
        ("items", " ", ()),
        ("maps", [{"a": 1}, {}], [("k[0]", {"a": 1}), ("k[1]", {})]),
        ("table", {"a": 1}, {"a": 1}),
        ("table", None, {}),
    ],
)
def test_a_good_value_is_taken(reader, value, came):
    assert read(reader, value) == came


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        *(("integer", value) for value in (None, -1, 2.5, True, "3", [3], float("inf"))),
        *(("number", value) for value in (None, -0.1, False, "3", float("nan"))),
        *(("text", value) for value in (None, 3, "")),
        *(("names", value) for value in ("a", [1], {"a": 1})),
        *(("items", value) for value in (3, {"a": 1})),
        *(("maps", value) for value in (None, [], {"a": 1}, "a", [{"a": 1}, "b"])),
        ("table", [1]),
    ],
)
def test_a_bad_value_is_named(reader, value):
    with pytest.raises(BadRequest, match="k"):
        read(reader, value)


def test_null_stands_for_the_default():
    assert read("integer", None, default=7) == 7
    assert read("number", None, default=None) is None
    assert read("text", None, default="x") == "x"
    assert Settings({}, ["k"]).integer("k", 7) == 7


def test_a_list_of_names_may_be_required():
    assert read("names", ["a"], required=True) == ("a",)
    with pytest.raises(BadRequest, match="k is missing"):
        read("names", None, required=True)


def test_a_number_may_be_allowed_to_be_negative():
    assert read("number", -3.5, signed=True) == -3.5
    assert read("integer", -2, minimum=None) == -2


def test_an_unknown_key_is_named_together_with_the_known_ones():
    with pytest.raises(BadRequest, match=r"'preserv_n'.*preserve_n"):
        Settings({"preserv_n": 1}, ["preserve_n"])


def test_every_engine_takes_the_common_keys():
    assert set(GOOD) == set(COMMON)
    common = Settings(GOOD, []).common()
    assert (common.oldest_first, common.reclaim, common.sample_period) == (True, True, 0.5)


def test_null_is_the_default_of_every_common_key():
    assert Settings(dict.fromkeys(COMMON), []).common() == Settings({}, []).common()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("victims", "biggest"),
        ("victims", 1),
        ("reclaim", "yes"),
        ("reclaim", 1),
        ("provisioner_vars", []),
        ("sensor_type", 1),
        ("monitor_sensors", "load"),
        ("monitor_domain_sensors", [1]),
        ("sample_period", 0),
        ("sample_period", -1),
        ("sample_function", "Median"),
        ("opentsdb_host", 1),
        ("opentsdb_port", "4242"),
        ("access_key", 1),
    ],
)
def test_a_bad_common_key_is_named(key, value):
    with pytest.raises(BadRequest, match=key):
        Settings({key: value}, []).common()


def test_a_secret_is_not_repeated():
    with pytest.raises(BadRequest) as fault:
        Settings({"secret_key": 54321}, []).common()
    assert "54321" not in str(fault.value)


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), float("inf"), True, "1", None])
def test_what_cannot_be_reckoned_with_is_no_number(value: object) -> None:
    assert not is_number(value)


class TestMapInsideAnother:
    def inside(self, **said):
        return Settings(said, ["name", "size"], inside="clouds[0]")

    def test_its_faults_are_told_with_its_place(self):
        for key, reader in (("name", "text"), ("size", "integer"), ("size", "number"), ("name", "maps")):
            with pytest.raises(BadRequest, match=rf"^clouds\[0\]\.{key} is missing$"):
                getattr(self.inside(), reader)(key)
        with pytest.raises(BadRequest, match=r"^clouds\[0\]\.size has to be -1 or more, not -2$"):
            self.inside(size=-2).integer("size", minimum=-1)

    def test_so_are_those_of_the_maps_in_it(self):
        assert self.inside(name=[{}]).maps("name") == [("clouds[0].name[0]", {})]

    @pytest.mark.parametrize("key", ["sze", *COMMON])
    def test_it_has_keys_of_its_own_only(self, key):
        with pytest.raises(BadRequest, match=rf"'{key}'.*clouds\[0\].*name, size"):
            self.inside(**{key: None})


def test_a_refused_key_is_told_with_the_reason_whatever_its_value():
    for value in (3, None):
        with pytest.raises(BadRequest, match=r"^old: there is a new one$"):
            Settings({"old": value}, ["new"], {"old": "there is a new one"})


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
    for reader in ("integer", "number"):
        with pytest.raises(BadRequest, match="k"):
            getattr(Settings(unquoted({"k": text}, ["k"]), ["k"]), reader)("k")


def test_a_name_that_stands_twice_or_is_empty_is_told():
    distinct("k", ["a", "b"])
    distinct("k", [])
    for names, fault in ((["a", "b", "a"], "k: 'a'"), (["a", ""], "k: a name must not be empty")):
        with pytest.raises(BadRequest, match=fault):
            distinct("k", names)
