"""Orders to a VM, which come with an ask: signed with the VM's own key, as its heartbeats are."""

import logging
from collections.abc import Callable

import msgspec

from elastic.adapters.bus.signing import verify
from elastic.errors import BadMessage
from elastic.model.heartbeat import DrainOrder

log = logging.getLogger(__name__)

_decode = msgspec.json.Decoder(DrainOrder).decode


def read_order(key: str, body: bytes, mac: str) -> DrainOrder:
    """BadMessage says what is wrong with it."""
    if not verify(key, body, mac):
        raise BadMessage("its signature is not the cluster's")
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise BadMessage(str(fault)) from None


def hand_on(on_order: Callable[[bytes, str], None], order: bytes, mac: str) -> None:
    """One that nobody can make sense of must not end the thread that takes all of them."""
    try:
        on_order(order, mac)
    except Exception:
        log.exception("an order was not obeyed")


def unheeded(order: bytes, mac: str) -> None:
    """By one that takes no orders."""
