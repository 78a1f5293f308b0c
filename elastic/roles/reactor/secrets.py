"""No answer ever carries a secret."""

import re
from collections.abc import Iterator

from elastic.errors import BadRequest
from elastic.model.domain import Json

MASK = "***"
_SECRET = re.compile(r"(access|secret|private|api)_?key|passw(or)?d|passphrase|secret|token", re.IGNORECASE)


def masked(value: Json) -> Json:
    """`value` with everything that stands under a secret's name replaced by `***`."""
    if isinstance(value, dict):
        return {name: _masked_entry(name, entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [masked(entry) for entry in value]
    return value


def refuse_masks(value: Json, path: str = "") -> None:
    """Raise BadRequest if what was shown masked comes back as if it were the secret itself."""
    for name in _masks(value, path):
        raise BadRequest(f"{name} is {MASK!r}, which is how a secret is shown: give the secret itself")


def _masked_entry(name: str, entry: Json) -> Json:
    if _SECRET.search(str(name)) and entry is not None:
        return MASK
    return masked(entry)


def _masks(value: Json, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    for name, entry in value.items():
        where = f"{path}.{name}" if path else str(name)
        if entry == MASK and _SECRET.search(str(name)):
            yield where
        yield from _masks(entry, where)
