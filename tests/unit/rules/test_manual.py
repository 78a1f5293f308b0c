"""What a config's record tells of itself: its keys, what may stand there, and what holds without them."""

from typing import Annotated, ClassVar, Literal

import msgspec
import pytest

from elastic.engines import installed_engines
from elastic.model.kinds import Flat, Name, Section, Whole, about
from elastic.rules.common import Common
from elastic.rules.manual import WIDTH, Manual
from elastic.rules.schema import keys_of


class Leaf(Section, frozen=True, kw_only=True):
    colour: Annotated[Literal["green"], about("how it looks")] = "green"


class Fir(Section, frozen=True, kw_only=True, tag_field="kind", tag="fir"):
    needles: Annotated[Whole, about("how many")]


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    far: Annotated[Whole | None, about("how far away", default="out of sight")] = msgspec.field(
        name="distance", default=None
    )


class Everyones(msgspec.Struct, frozen=True, kw_only=True):
    owner: Annotated[Name | None, about("whose it is")] = None


class Tree(Everyones, frozen=True, kw_only=True):
    documentation: ClassVar[Manual] = Manual("What grows.", Everyones, "And of all things:")

    height: Annotated[Whole, about("in metres")]
    evergreen: Annotated[bool, about("in winter too")] = False
    names: Annotated[tuple[str, ...], about("what it is called")] = ()
    leaf: Annotated[Leaf, about("each of them")] = Leaf()
    others: Annotated[tuple[Fir, ...], about("those around it")] = ()
    beside: Flat[Beside]


def test_each_key_is_told_with_its_type_and_its_default():
    assert (
        Tree.documentation
        == """\
What grows.

height       in metres (a whole number, 0 or more; required)
evergreen    in winter too (true or false; false)
names        what it is called (a list of texts)
leaf         each of them (a map)
  colour     how it looks (green; green)
others       those around it (a list of maps)
  kind: fir
    needles  how many (a whole number, 0 or more; required)
distance     how far away (a whole number, 0 or more; out of sight)

And of all things:

owner  whose it is (a text; may be left out)
"""
    )


def test_one_built_on_another_tells_of_its_own_keys():
    class Bush(Tree, frozen=True, kw_only=True):
        height: Annotated[Whole, about("in metres")] = msgspec.field(name="breadth", default=2)

    assert "breadth      in metres (a whole number, 0 or more; 2)" in Bush.documentation
    assert "height" not in Bush.documentation


@pytest.mark.parametrize("name", sorted(installed_engines()))
def test_every_key_of_an_engine_is_told_of_in_lines_that_fit(name):
    engine = installed_engines()[name]
    if not issubclass(engine, Common):
        pytest.skip("somebody else's engine documents itself")
    lines = engine.documentation.splitlines()
    assert {line.split()[0] for line in lines if line} >= set(keys_of(engine))
    assert max(map(len, lines)) <= WIDTH
