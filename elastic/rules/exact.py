"""Numbers as their writer meant them: 0.1 is one tenth, not the binary fraction nearest to it.

Whatever ends in a floor, a ceiling or a comparison is reckoned in these.
"""

from fractions import Fraction

Number = int | float


def exact(number: Number) -> Fraction:
    """The shortest decimal that reads back as `number`. ValueError for what is not finite."""
    if isinstance(number, int):
        return Fraction(number)
    return Fraction(repr(float(number)))
