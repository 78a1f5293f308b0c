"""A size that the config names: the policy of every engine with a fixed number."""

from elastic.model.actions import Answer, Question, Reason
from elastic.rules.answering import answered
from elastic.rules.census import Census, take_census
from elastic.rules.common import Common
from elastic.rules.onesite import OneSite
from elastic.rules.sizing import Limits


def held(key: str, wanted: int, census: Census, base: int, limits: Limits) -> tuple[int, tuple[Reason, ...]]:
    """How many there shall be, and why; `key` is the one that names `wanted`, `base` the size that was."""
    desired, reasons = limits.hold(wanted, census.size), limits.reasons(wanted, census.size)
    if desired != limits.hold(base, census.size):
        reasons = (Reason("policy", f"{key} is {wanted}, in place of {base}", wanted), *reasons)
    return desired, reasons


def kept(key: str, wanted: int, place: OneSite, common: Common, question: Question) -> Answer:
    """At one site."""
    census = take_census(question, place.site)
    limits = Limits(share=question.share, reclaim=common.reclaim)
    desired, reasons = held(key, wanted, census, census.base, limits)
    moves = place.reach(desired, census, question.now, oldest_first=common.oldest_first)
    return answered(census, desired, moves, reasons, census.memo.last_change)
