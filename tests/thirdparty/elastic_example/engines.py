"""An engine that does its work, and four that do not."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from elastic.engines.simplest import Simplest
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Question


class Double:
    """Twice as many as it is told: by asking one of ours."""

    documentation: ClassVar[str] = "pairs   how many pairs to keep; required"

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        if not isinstance(conf.get("pairs"), int):
            raise BadRequest("pairs is missing, or no whole number")
        return cls(conf["pairs"])

    def decide(self, question: Question) -> Answer:
        return Simplest.configured({"preserve_n": 2 * self.pairs}).decide(question)


class Faulty:
    """Takes any config."""

    documentation: ClassVar[str] = "no keys"

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        return cls()


class Raising(Faulty):
    def decide(self, question: Question) -> Answer:
        raise RuntimeError(f"no answer to {len(question.instances)} instances")


class Hanging(Faulty):
    def decide(self, question: Question) -> Answer:
        while True:
            time.sleep(1)


class Hungry(Faulty):
    """As much as the host lets it have."""

    def decide(self, question: Question) -> Answer:
        held = []
        while True:
            held.append(bytearray(64 * 1024 * 1024))


class Babbling(Faulty):
    def decide(self, question: Question) -> Answer:
        return {"launches": "many"}  # type: ignore[return-value]
