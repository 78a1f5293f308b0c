"""What may stand at a key of a config: the types that records of configs are written in.

A record of a config is its schema: the name of a field is a key, its type what may stand there, and `about` what
it is for. `rules/schema` reads by it, `rules/manual` tells of it.
"""

from sys import float_info
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

LARGEST_WHOLE = 2**53
"""Beyond it JSON's readers disagree about which number it is."""

LARGEST = float_info.max
LARGEST_INT = 2**63 - 1

Whole = Annotated[int, Meta(ge=0, le=LARGEST_WHOLE)]
Count = Annotated[int, Meta(ge=1, le=LARGEST_WHOLE)]
AnyWhole = Annotated[int, Meta(ge=-LARGEST_WHOLE, le=LARGEST_WHOLE)]
Signed = Annotated[int, Meta(ge=-LARGEST_INT, le=LARGEST_INT)] | Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
NotNegative = Annotated[int, Meta(ge=0, le=LARGEST_INT)] | Annotated[float, Meta(ge=0, le=LARGEST)]
Positive = Annotated[int, Meta(gt=0, le=LARGEST_INT)] | Annotated[float, Meta(gt=0, le=LARGEST)]
Part = Annotated[int, Meta(gt=0, le=1)] | Annotated[float, Meta(gt=0, le=1)]
"""Of a whole, and not nothing."""

Name = Annotated[str, Meta(min_length=1)]
MOST_ITEMS = 200
"""In a list that is gone through at each decision."""


T = TypeVar("T")
FLAT = Meta(extra={"flat": True})
Flat = Annotated[T, FLAT]
"""A record whose keys stand beside its neighbours, in the same map."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A map with keys of its own, at a key or in a list. For keys that do not go together `__post_init__` raises a
    ValueError, which begins with the name of one of them."""


def about(text: str, *, default: str = "", **rest: Any) -> Meta:
    """What a key is for, in words to be read after its name. `default`: what holds without it, if the value itself
    does not say that."""
    return Meta(description=text, extra={"default": default} if default else None, **rest)
