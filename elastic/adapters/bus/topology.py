"""The names of all exchanges and queues, and how they are declared. `doc/protocol.md` fixes them for others."""

import secrets

from kombu import Exchange, Queue

from elastic.model.assignment import SLOTS

RPC_LENGTH = 10_000
RPC_DELIVERIES = 3
"""How often a call comes again that was not acknowledged; then it is dropped."""

HEARTBEATS_LENGTH = 50_000
HEARTBEATS_BYTES = 64 * 1024 * 1024
"""How much of them waits for one member, in all; beyond that the oldest go."""

HEARTBEAT_SECONDS = 30.0
"""A heartbeat that nobody heard for so long says nothing about now."""

SUBSCRIBER_LENGTH = 10_000
SMALL_LENGTH = 1_000
REPLY_PREFIX = "elastic.reply."
DIRECT_REPLY = "amq.rabbitmq.reply-to"


def part(name: str) -> str:
    """`name` as one word of a dotted name: only its dots have to be written otherwise."""
    return name.replace(".", "%2E")


def heartbeats_name(cluster: str) -> str:
    return f"elastic.heartbeats.{part(cluster)}"


def events_key(owner: str, domain: str, state: str) -> str:
    return f"{part(owner)}.{part(domain)}.{state}"


def slots_of(partition: int, partitions: int) -> range:
    """The slots whose slot * partitions // 4096 is `partition`."""
    return range(-(-partition * SLOTS // partitions), -(-(partition + 1) * SLOTS // partitions))


def rpc_exchange(cluster: str) -> Exchange:
    """The one that clients may write to."""
    return Exchange(f"elastic.rpc.{part(cluster)}", "direct", durable=True)


def rpc_queue(cluster: str, on_amqp: bool) -> Queue:
    """One for the cluster: any member answers. A quorum queue where there is such a thing: it counts how often a
    call was given to a member that died of it."""
    quorum = {"x-queue-type": "quorum", "x-delivery-limit": RPC_DELIVERIES, "x-overflow": "reject-publish"}
    exchange = rpc_exchange(cluster)
    return Queue(
        exchange.name,
        exchange,
        routing_key=exchange.name,
        durable=True,
        max_length=RPC_LENGTH,
        queue_arguments=quorum if on_amqp else {},
    )


def reply_queue() -> Queue:
    return Queue(f"{REPLY_PREFIX}{_fresh()}", durable=False, exclusive=True, max_length=SMALL_LENGTH)


def heartbeat_exchange(cluster: str) -> Exchange:
    return Exchange(heartbeats_name(cluster), "direct", durable=True)


def partition_exchange(cluster: str, partition: int) -> Exchange:
    """All that comes to its slots; so a member takes a partition over by one binding."""
    return Exchange(f"elastic.partition.{part(cluster)}.{partition}", "fanout", durable=True)


def heartbeat_queue(cluster: str, member: str) -> Queue:
    return Queue(
        f"elastic.heartbeats.{part(cluster)}.{part(member)}.{_fresh()}",
        durable=False,
        exclusive=True,
        max_length=HEARTBEATS_LENGTH,
        max_length_bytes=HEARTBEATS_BYTES,
        message_ttl=HEARTBEAT_SECONDS,
    )


def events_exchange(cluster: str) -> Exchange:
    return Exchange(f"elastic.events.{part(cluster)}", "topic", durable=True)


def subscriber_queue(cluster: str, owner: str, subscriber: str) -> Queue:
    name = f"elastic.subscriber.{part(cluster)}.{part(owner)}.{part(subscriber)}"
    return Queue(name, durable=True, max_length=SUBSCRIBER_LENGTH)


def peer_exchange(cluster: str) -> Exchange:
    return Exchange(f"elastic.peers.{part(cluster)}", "direct", durable=True)


def tell_exchange(cluster: str) -> Exchange:
    return Exchange(f"elastic.tell.{part(cluster)}", "fanout", durable=True)


def peer_queue(cluster: str, member: str) -> Queue:
    name = f"elastic.peers.{part(cluster)}.{part(member)}.{_fresh()}"
    return Queue(name, durable=False, exclusive=True, max_length=SMALL_LENGTH)


def _fresh() -> str:
    return secrets.token_hex(8)
