"""What came of looking into one thing about a site."""

import msgspec


class Finding(msgspec.Struct, frozen=True):
    what: str
    is_well: bool
    text: str
