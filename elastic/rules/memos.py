"""A domain's memo, as another member may have written it."""

from collections.abc import Mapping
from typing import Any

from elastic.rules.exact import is_number

AHEAD = 10.0
"""Seconds by which the clocks of members may differ, and nobody is misled."""


def believable(memo: Mapping[str, Any] | None, now: float) -> Mapping[str, Any] | None:
    """Without what it stamped by a clock that was ahead: a cooldown or a window would hold the size until then."""
    if memo is None:
        return None
    latest, sound = now + AHEAD, dict(memo)
    change, history = memo.get("last_change"), memo.get("history")
    if isinstance(change, Mapping) and _is_later(change.get("at"), latest):
        sound["last_change"] = None
    if isinstance(history, list | tuple):
        sound["history"] = [past for past in history if not _is_later(_first(past), latest)]
    return sound


def draining(memo: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The instances that the last decision has draining."""
    named = (memo or {}).get("draining")
    return tuple(name for name in named if isinstance(name, str)) if isinstance(named, list | tuple) else ()


def _first(past: Any) -> Any:
    return past[0] if isinstance(past, list | tuple) and past else None


def _is_later(at: Any, latest: float) -> bool:
    return is_number(at) and at > latest
