"""Orders to a VM, which come with an ask: signed with the VM's own key, as its heartbeats are."""

import msgspec

from elastic.adapters.bus.signing import verify
from elastic.errors import BadMessage
from elastic.model.heartbeat import DrainOrder

_decode = msgspec.json.Decoder(DrainOrder).decode


def read_order(key: str, body: bytes, mac: str) -> DrainOrder:
    """BadMessage says what is wrong with it."""
    if not verify(key, body, mac):
        raise BadMessage("its signature is not the cluster's")
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise BadMessage(str(fault)) from None


def unheeded(order: bytes, mac: str) -> None:
    """By one that takes no orders."""
