"""Draining: who is to be told what, and who has taken too long. Pure."""

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from elastic.model.heartbeat import DRAINED, DrainOrder, Heard
from elastic.rules.exact import Number, is_number

GRACE = 60.0
"""Seconds that an instance has to give its work back in, before it goes all the same."""

FOR_EVER = "wait"


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a drain may take, in seconds, and what then: `wait`, `requeue` or `kill`."""

    timeout: Number
    then: str

    @classmethod
    def of(cls, engine_conf: Mapping[str, Any]) -> Self:
        """What the config says, which its engine has found right; without, it takes as long as it takes."""
        said = engine_conf.get("scale_in")
        said = said if isinstance(said, Mapping) else {}
        timeout, then = said.get("drain_timeout"), said.get("on_timeout")
        return cls(
            timeout=timeout if is_number(timeout) else 900.0, then=then if isinstance(then, str) else FOR_EVER
        )

    def gives_back(self, seconds: float) -> bool:
        """After so long a drain it is told to."""
        return self.then == "requeue" and seconds > self.timeout

    def is_over(self, seconds: float) -> bool:
        """After so long a drain its work counts no more."""
        return (self.then == "kill" and seconds > self.timeout) or (
            self.then == "requeue" and seconds > self.timeout + GRACE
        )


def order_for(instance_id: str, wanted: bool, gives_back: bool, heard: Heard) -> DrainOrder | None:
    """What it has to be told; null if it does so already."""
    if wanted == bool(heard.drain) and not (gives_back and heard.drain != DRAINED):
        return None
    return DrainOrder(
        instance_id=instance_id, boot=heard.boot, seq=heard.seq, drain=wanted, requeue=wanted and gives_back
    )
