"""Numbers as their writer meant them: 0.1 is one tenth, not the binary fraction nearest to it.

Whatever ends in a floor, a ceiling or a comparison is reckoned in these.
"""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from math import inf, isfinite, nextafter
from sys import float_info
from typing import Any, TypeGuard

Number = int | float
ROOMY = Context(prec=2000, traps=[Inexact])
"""For sums of numbers as far apart as floats can be."""


def is_number(value: object) -> TypeGuard[Number]:
    """Whether it is one that can be reckoned with: finite, no truth value, and no whole number without end."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:
        return False


def exact(number: Number | Fraction) -> Fraction:
    """The shortest decimal that reads back as `number`. ValueError for what is not finite."""
    if isinstance(number, float):
        return Fraction(repr(float(number)))
    return Fraction(number)


def whole(value: Any) -> Any:
    """2.0 counts as 2 wherever a whole number is asked for."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list | tuple):
        return [whole(item) for item in value]
    return value


def total(numbers: Iterable[Number]) -> Fraction:
    """Their exact sum."""
    decimals = (Decimal(number if isinstance(number, int) else repr(float(number))) for number in numbers)
    with localcontext(ROOMY):
        return Fraction(sum(decimals, Decimal(0)))


def first_from(moment: Fraction) -> float:
    """The least float that stands for `moment` or more: those below it, and they alone, stand for less."""
    near = _nearest(moment)
    return near if exact(near) >= moment else nextafter(near, inf)


def last_until(moment: Fraction) -> float:
    """The greatest float that stands for `moment` or less: those above it, and they alone, stand for more."""
    near = _nearest(moment)
    return near if exact(near) <= moment else nextafter(near, -inf)


def _nearest(moment: Fraction) -> float:
    largest = exact(float_info.max)
    return float(max(-largest, min(moment, largest)))
