"""Keeps N instances at one site, under the name that EPU's phantom clients give the number."""

from typing import Annotated, ClassVar

import msgspec

from elastic.engines.simplest import Simplest
from elastic.model.kinds import Whole, about
from elastic.rules.common import manual
from elastic.rules.manual import Manual


class Phantom(Simplest, frozen=True, kw_only=True):
    """As `simplest`, but for one key. (EPU's backoff in its own calls is replaced by that of all engines.)"""

    documentation: ClassVar[Manual] = manual(
        "Keeps a fixed number of instances alive at one site, as simplest does."
    )

    size: Annotated[Whole, about("how many")] = msgspec.field(name="domain_desired_size")
