"""The one rule for names: owners, domains, definitions, types, members, subscribers."""

import re

from elastic.errors import BadRequest

NAME = re.compile(r"[A-Za-z0-9_.@-]{1,128}")
RESERVED = frozenset({".", "..", "zookeeper"})


def checked_name(name: object, what: str = "name") -> str:
    """Return `name` if it may be used as one; raise BadRequest that says `what` is wrong with it."""
    if not isinstance(name, str):
        raise BadRequest(f"{what} has to be a text")
    if name in RESERVED or not NAME.fullmatch(name):
        shown = name if len(name) <= 40 else name[:37] + "..."
        raise BadRequest(
            f"{what} {shown!r} is not allowed: use 1 to 128 of the characters A-Z a-z 0-9 _ . @ - "
            "(and not '.', '..' or 'zookeeper')"
        )
    return name
