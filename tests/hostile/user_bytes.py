"""Files that people write, as hypothesis would write them: any bytes, and good files gone bad."""

import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

SEASONING = (
    *(b"\n", b"\r\n", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\x1b[2J", b"---\n", b"...", b"# ", b"%", b"\\"),
    *(b"{", b"}", b"[", b"]", b":", b": ", b"- ", b"? ", b"! ", b"'", b'"', b"|", b">", b",", b"=", b"$", b"${x}"),
    *(b"&a ", b"*a", b"<<: ", b"!!int ", b"!!bool ", b"!!timestamp ", b"!!float ", b"!!binary ", b"!!set "),
    *(b"null", b"true", b"~", b".nan", b"1e400", b"-1", b"0x", b"NaN", b"Infinity", b"9" * 400, b"9" * 5000),
    *(b'"\\ud800"', b"[" * 2000, b'{"a":' * 200, "\u202e".encode(), b"[DEFAULT]", b"[store]", b"1e300"),
)
"""What is apt to upset a reader."""


def gone_bad(*good: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes, and any of these with some changed, dropped, doubled or put in."""
    chances = st.randoms(use_true_random=False)
    mutants = st.builds(lambda text, chance: _mutated(text, chance), st.sampled_from(good), chances)
    return st.one_of(st.binary(max_size=300), mutants, mutants, mutants)


MANY = settings(
    max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _mutated(good: bytes, chance: random.Random) -> bytes:
    found = bytearray(good)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0:
                found[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del found[at : at + chance.randint(1, 8)]
            case 2:
                found[at:at] = found[at : at + chance.randint(1, 40)]
            case 3:
                found[at:at] = chance.choice(SEASONING)
            case _:
                found[at : at + 4] = chance.choice(SEASONING)
    return bytes(found)
