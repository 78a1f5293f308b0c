"""What lies in a domain's nodes, read and written.

`i0` holds the head: the last commit's id, the number of decisions, the standing, the names of the buckets in
their order (its own first), and the first records. Every other bucket holds a list of records, `d` of decisions.
"""

from collections.abc import Sequence

import msgspec

from elastic.adapters import codec
from elastic.adapters.store.outcomes import DECISIONS_KEPT
from elastic.adapters.store.zookeeper.asks import Found
from elastic.adapters.store.zookeeper.book import Known
from elastic.adapters.store.zookeeper.buckets import Bucket
from elastic.adapters.store.zookeeper.names import HEAD
from elastic.errors import BadMessage
from elastic.model.decision import Decision
from elastic.model.domain import Domain
from elastic.model.instance import Instance
from elastic.model.view import Standing, View

DECISIONS_BYTES = 256 * 1024

EMPTY = Standing()

Instances = tuple[Instance, ...]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    commit: str | None = None
    decisions: int = 0
    standing: Standing = EMPTY
    buckets: tuple[str, ...] = (HEAD,)
    instances: Instances = ()


class _WrittenHead(msgspec.Struct, frozen=True):
    commit: str | None
    decisions: int
    standing: Standing
    buckets: Sequence[str]
    instances: Sequence[msgspec.Raw]


def head_data(
    commit: str | None, decisions: int, standing: Standing, buckets: Sequence[str], texts: Sequence[bytes]
) -> bytes:
    return codec.encode(_WrittenHead(commit, decisions, standing, buckets, [msgspec.Raw(text) for text in texts]))


def bucket_data(texts: Sequence[bytes]) -> bytes:
    return codec.encode([msgspec.Raw(text) for text in texts])


def known(path: str, node: Found, head_node: Found, head: Head, others: Sequence[Found]) -> Known:
    """`others`: the buckets after `i0`, as the head names them. BadMessage."""
    more = [codec.decode(found.data, Instances) for found in others]
    buckets = [Bucket(HEAD, head_node.version, len(head.instances))]
    for name, found, records in zip(head.buckets[1:], others, more, strict=True):
        buckets.append(Bucket(name, found.version, len(records)))
    view = View(
        domain=codec.decode(node.data, Domain),
        instances=head.instances + tuple(record for records in more for record in records),
        standing=head.standing,
        counter=node.version + head.decisions,
    )
    return Known(path, view, node.version, head_node.version, head.commit, tuple(buckets))


def decisions(found: Found | None) -> list[Decision]:
    return codec.decode(found.data, list[Decision]) if found else []


def decisions_data(found: Found | None, newest: Decision) -> bytes:
    """With `newest` behind those that are there; the oldest go, for number and for size."""
    kept: list[msgspec.Raw] = []
    if found is not None:
        try:
            kept = codec.decode(found.data, list[msgspec.Raw])
        except BadMessage:
            kept = []  # of a story that nobody can read any more, the rest
    texts = [*map(bytes, kept[1 - DECISIONS_KEPT :]), codec.bare(newest)]
    while len(texts) > 1 and sum(map(len, texts)) > DECISIONS_BYTES:
        del texts[0]
    return bucket_data(texts)
