"""Numbers as their writer meant them: 0.1 is one tenth, not the binary fraction nearest to it.

Whatever ends in a floor, a ceiling or a comparison is reckoned in these.
"""

from fractions import Fraction
from math import isfinite
from typing import TypeGuard

Number = int | float


def is_number(value: object) -> TypeGuard[Number]:
    """Whether it is one that can be reckoned with: finite, no truth value, and no whole number without end."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:
        return False


def exact(number: Number) -> Fraction:
    """The shortest decimal that reads back as `number`. ValueError for what is not finite."""
    if isinstance(number, int):
        return Fraction(number)
    return Fraction(repr(float(number)))
