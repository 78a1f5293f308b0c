"""Keeps N instances at one site, under the name that EPU's phantom clients give the number."""

from typing import ClassVar

from elastic.engines.simplest import Simplest


class Phantom(Simplest, frozen=True, kw_only=True):
    """As `simplest`, but for one key. (EPU's backoff in its own calls is replaced by that of all engines.)"""

    documentation: ClassVar[str] = """\
Keeps a fixed number of instances alive at one site, as simplest does.

domain_desired_size   how many; a whole number, required
force_site            where to launch; ec2-east
epuworker_type        the deployable type; epu_work_consumer
epuworker_allocation  the allocation; small
victims               who goes first when there are too many: newest or oldest; newest
reclaim               whether a share may shrink the domain; false
"""
    size_key: ClassVar[str] = "domain_desired_size"
