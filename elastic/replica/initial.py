"""Definitions and domains that the configuration wants there from the start: asked for as a client would."""

import getpass
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Self

from elastic.conf import initial
from elastic.conf.settings import Settings
from elastic.ports.bus import Call, Reply

log = logging.getLogger(__name__)

_RETRY = 1.0  # seconds
_ADDED, _THERE, _UNAVAILABLE = "added", "conflict", "unavailable"


class Initial:
    """The calls that add them. One that is there already is left as it is, whoever added it."""

    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls

    @classmethod
    def of(cls, said: Settings) -> Self:
        """Raises BadRequest, which names what is wrong."""
        return cls(list(_calls(said)))

    def load(self, handle: Callable[[Call], Reply]) -> None:
        """Begin to have `handle` answer them, in a thread, until the store has taken each or refused it."""
        if self._calls:
            threading.Thread(target=self._load, args=(handle,), name="initial", daemon=True).start()

    def _load(self, handle: Callable[[Call], Reply]) -> None:
        for call in self._calls:
            while (outcome := _outcome(call, handle(call))) == _UNAVAILABLE:
                threading.Event().wait(_RETRY)
            if outcome == _ADDED:
                log.info("%s as the configuration asks: %s", call.op, _name(call))


def _calls(said: Settings) -> Iterator[Call]:
    us = said.rpc.operators[0] if said.rpc.operators else _login()
    for name, body in initial.definitions(said.default.initial_definitions).items():
        yield Call("add_domain_definition", {"definition_id": name, "definition": body}, us)
    for name, domain in initial.domains(said.default.initial_domains).items():
        args = {"domain_id": name, "definition_id": domain.definition, "config": domain.config}
        yield Call("add_domain", args, domain.owner or us)


def _outcome(call: Call, reply: Reply) -> str:
    error = reply.get("error")
    if error is None:
        return _ADDED
    if error["type"] not in (_THERE, _UNAVAILABLE):
        log.error(
            "%s of %s, which the configuration asks for, is refused: %s", call.op, _name(call), error["message"]
        )
    return str(error["type"])


def _name(call: Call) -> str:
    return str(call.args.get("domain_id") or call.args.get("definition_id"))


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
