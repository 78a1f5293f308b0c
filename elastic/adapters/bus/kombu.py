"""The ports of `elastic/ports/bus.py` on any kombu URL: `amqp://...`, or the embedded
`sqlite+elastic:////path`."""

from elastic.adapters.bus.heartbeats import KombuHeartbeats
from elastic.adapters.bus.outgoing import KombuOutgoing
from elastic.adapters.bus.peers import KombuPeers
from elastic.adapters.bus.rpc import KombuRpcClient, KombuRpcServer
from elastic.adapters.bus.sqlite_transport import sqlite_url
from elastic.adapters.bus.voice import KombuVoice

__all__ = [
    "KombuHeartbeats",
    "KombuOutgoing",
    "KombuPeers",
    "KombuRpcClient",
    "KombuRpcServer",
    "KombuVoice",
    "sqlite_url",
]
