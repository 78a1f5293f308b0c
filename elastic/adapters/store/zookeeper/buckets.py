"""How a domain's instances lie in nodes, and how a commit rearranges them. Pure.

A domain's records lie in the order in which they were added, cut into runs: `i0`, and as many buckets behind it
as it needs. What is added goes into the last. A bucket holds at most 64 records, and gets no more once it has
32 kB; one that records in it have made larger than twice that is cut in two. Two neighbours, one of which is
written, become one if they have together no more than half of what a bucket holds; one that is empty goes, but
for `i0`. So a domain never has more than 2 + n / 16 buckets for n records of usual size, however long it lives.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from elastic.adapters import codec
from elastic.adapters.store.outcomes import Outcome
from elastic.model.instance import Instance

RECORDS = 64
BYTES = 32 * 1024


class Bucket(NamedTuple):
    """A node, and how many records lie in it."""

    name: str
    version: int
    length: int


class Run:
    """Records that lie next to each other. `bucket`: where they lie now, None for nowhere yet."""

    def __init__(self, bucket: Bucket | None, records: list[Instance], is_new: bool = False) -> None:
        self.bucket, self.records, self.is_touched = bucket, records, is_new
        self._texts: list[bytes] | None = None

    @property
    def texts(self) -> list[bytes]:
        """Each record as JSON."""
        if self._texts is None:
            self._texts = [codec.bare(record) for record in self.records]
        return self._texts

    @property
    def size(self) -> int:
        return sum(map(len, self.texts)) + len(self.texts)

    def change(self, successors: Mapping[str, Instance | None]) -> None:
        if successors.keys().isdisjoint(record.instance_id for record in self.records):
            return
        pairs = [self._changed(record, successors) for record in self.records]
        self._take(pair for pair in pairs if pair is not None)

    def add(self, instance: Instance) -> bool:
        """False: there is no room."""
        record, text = as_stored(instance)
        if self.records and (len(self.records) >= RECORDS or self.size + len(text) > BYTES):
            return False
        self.texts.append(text)
        self.records.append(record)
        self.is_touched = True
        return True

    def join(self, other: "Run") -> bool:
        """Take over what lies in `other`, if it is worth while. False: it is not."""
        if not (self.is_touched or other.is_touched) or len(self.records) + len(other.records) > RECORDS // 2:
            return False
        if self.size + other.size > BYTES // 2:
            return False
        self._take([*zip(self.records, self.texts, strict=True), *zip(other.records, other.texts, strict=True)])
        self.bucket = self.bucket or other.bucket
        return True

    def cut(self) -> list["Run"]:
        if not self.is_touched or len(self.records) < 2 or self.size <= 2 * BYTES:
            return [self]
        middle = len(self.records) // 2
        pairs = list(zip(self.records, self.texts, strict=True))
        rest = Run(None, [], is_new=True)
        rest._take(pairs[middle:])
        self._take(pairs[:middle])
        return [*self.cut(), *rest.cut()]

    def _take(self, pairs: Iterable[tuple[Instance, bytes]]) -> None:
        taken = list(pairs)
        self.records, self._texts = [record for record, _ in taken], [text for _, text in taken]
        self.is_touched = True

    @staticmethod
    def _changed(record: Instance, successors: Mapping[str, Instance | None]) -> tuple[Instance, bytes] | None:
        if record.instance_id not in successors:
            return record, codec.bare(record)
        successor = successors[record.instance_id]
        return None if successor is None else as_stored(successor)


def as_stored(instance: Instance) -> tuple[Instance, bytes]:
    """What will be read, and its JSON: nothing in it is shared with who wrote it."""
    text = codec.bare(instance)
    return codec.bare_decoded(text, Instance), text


def rearranged(buckets: Sequence[Bucket], instances: Sequence[Instance], made: Outcome) -> list[Run]:
    """The runs of a domain after a commit, `i0` first, which is always written."""
    runs = _lying(buckets, instances)
    runs[0].is_touched = True
    successors: dict[str, Instance | None] = {i.instance_id: i for i in made.updated}
    successors.update(dict.fromkeys(made.dropped))
    if successors:
        for run in runs:
            run.change(successors)
    runs = [part for run in runs for part in run.cut()]
    for instance in made.added:
        if not runs[-1].add(instance):
            runs.append(Run(None, [], is_new=True))
            runs[-1].add(instance)
    return _joined(runs)


def free_names(taken: Iterable[str], count: int) -> list[str]:
    """For new buckets: none that is in use, nor was until now."""
    used, free, number = set(taken), list[str](), 1
    while len(free) < count:
        if f"i{number}" not in used:
            free.append(f"i{number}")
        number += 1
    return free


def _lying(buckets: Sequence[Bucket], instances: Sequence[Instance]) -> list[Run]:
    runs, begin = [], 0
    for bucket in buckets:
        runs.append(Run(bucket, list(instances[begin : begin + bucket.length])))
        begin += bucket.length
    return runs


def _joined(runs: Sequence[Run]) -> list[Run]:
    joined = [runs[0]]
    for run in runs[1:]:
        if run.records and not joined[-1].join(run):
            joined.append(run)
    return joined
