"""Records in buckets: in order, none too full, none too many, whatever a domain lives through."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from elastic.adapters.store.outcomes import Outcome
from elastic.adapters.store.zookeeper.buckets import BYTES, RECORDS, Bucket, Run, free_names, rearranged
from elastic.model.instance import Instance


def record(name: str, size: int = 0) -> Instance:
    return Instance(instance_id=name, site="north", deployable_type="worker", reason="x" * size, version=1)


class Domain:
    """The buckets of one, as commits leave them; each commit is checked against a plain list."""

    def __init__(self) -> None:
        self.buckets = [Bucket("i0", 0, 0)]
        self.instances: list[Instance] = []
        self.written = 0  # in the last commit

    def commit(
        self, added: Sequence[Instance] = (), updated: Sequence[Instance] = (), dropped: Sequence[str] = ()
    ) -> None:
        newest = {i.instance_id: i for i in updated}
        wanted = [newest.get(i.instance_id, i) for i in self.instances if i.instance_id not in dropped]
        wanted += added
        runs = rearranged(self.buckets, self.instances, Outcome([*added], [*updated], [*dropped]))
        self.instances = [record for run in runs for record in run.records]
        assert self.instances == wanted
        self.written = sum(run.is_touched for run in runs)
        self.buckets = self._laid(runs)
        assert self.buckets[0].name == "i0"

    def _laid(self, runs: list[Run]) -> list[Bucket]:
        assert runs[0].is_touched
        names = iter(free_names([b.name for b in self.buckets], sum(run.bucket is None for run in runs)))
        laid = []
        for run in runs:
            if run.bucket is None:
                assert run.is_touched
                laid.append(Bucket(next(names), 0, len(run.records)))
            else:
                laid.append(run.bucket._replace(length=len(run.records)))
            assert run.is_touched or run.bucket == laid[-1]
        assert len({bucket.name for bucket in laid}) == len(laid)
        return laid

    def runs(self) -> list[Run]:
        """As they lie."""
        return rearranged(self.buckets, self.instances, Outcome([], [], []))


def test_what_is_added_fills_the_last_bucket_and_then_others() -> None:
    domain = Domain()
    domain.commit(added=[record(f"a{n}") for n in range(10)])
    assert [b.length for b in domain.buckets] == [10]
    domain.commit(added=[record(f"b{n}") for n in range(150)])
    assert [b.length for b in domain.buckets] == [RECORDS, RECORDS, 32]
    domain.commit(added=[record("c")])
    assert [b.length for b in domain.buckets] == [RECORDS, RECORDS, 33]
    assert domain.written == 2


def test_a_change_of_one_record_writes_its_bucket_and_the_head() -> None:
    domain = Domain()
    domain.commit(added=[record(f"a{n}") for n in range(640)])
    for name, written in (("a0", 1), ("a63", 1), ("a64", 2), ("a639", 2)):
        domain.commit(updated=[record(name, 5)])
        assert domain.written == written


def test_large_records_are_fewer_in_a_bucket() -> None:
    domain = Domain()
    domain.commit(added=[record(f"a{n}", BYTES // 4) for n in range(9)])
    assert [b.length for b in domain.buckets] == [3, 3, 3]
    domain.commit(added=[record("b", 10 * BYTES)])
    assert [b.length for b in domain.buckets] == [3, 3, 3, 1]


def test_a_bucket_whose_records_have_grown_is_cut() -> None:
    domain = Domain()
    domain.commit(added=[record(f"a{n}") for n in range(130)])
    domain.commit(updated=[record(f"a{n}", BYTES // 10) for n in range(64, 128)])
    assert max(run.size for run in domain.runs()) <= 2 * BYTES
    assert [b.length for b in domain.buckets] == [64, 16, 16, 16, 16, 2]


def test_a_bucket_that_is_empty_goes_though_its_neighbours_are_full() -> None:
    domain = Domain()
    domain.commit(added=[record(f"a{n}") for n in range(192)])
    domain.commit(dropped=[f"a{n}" for n in range(64, 128)])
    assert [b.length for b in domain.buckets] == [64, 64]
    domain.commit(dropped=[f"a{n}" for n in range(64)])
    assert [b.length for b in domain.buckets] == [0, 64]


@pytest.mark.parametrize("kept", [0, 1, 2, 31, 32, 33, 64, 200, 1000])
def test_what_is_left_of_many_lies_close_together(kept: int) -> None:
    domain = Domain()
    domain.commit(added=[record(f"a{n}") for n in range(1000)])
    order = [f"a{n}" for n in range(1000)]
    random.Random(7).shuffle(order)
    for at in range(0, 1000 - kept, 7):
        domain.commit(dropped=order[at : min(at + 7, 1000 - kept)])
    assert len(domain.instances) == kept
    assert len(domain.buckets) <= 2 + kept // 16
    assert kept or domain.buckets == [Bucket("i0", 0, 0)]


def test_years_of_churn_leave_no_traces() -> None:
    """A domain of 100 that loses one in ten each round, and grows and shrinks by turns."""
    domain, chance = Domain(), random.Random(11)
    for round_ in range(1500):
        names = [i.instance_id for i in domain.instances]
        gone = chance.sample(names, len(names) // 10)
        changed = [i for i in domain.instances if i.instance_id not in gone and chance.random() < 0.1]
        wanted = 100 if round_ // 100 % 2 else 20
        added = [record(f"r{round_}-{n}") for n in range(max(0, wanted - len(names) + len(gone)))]
        domain.commit(added, [replace(i, reason=f"{round_}") for i in changed], gone)
        assert len(domain.buckets) <= 2 + len(domain.instances) // 16
    assert max(int(bucket.name[1:]) for bucket in domain.buckets) < 20


steps = st.lists(
    st.tuples(
        st.lists(st.sampled_from([0, 10, 3_000, 40_000, 100_000]), max_size=40),
        st.integers(0, 2**32),
        st.sampled_from([0.0, 0.1, 0.9, 1.0]),
        st.sampled_from([0, 500, 5_000]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_no_bucket_grows_beyond_what_can_be_written(steps: list[tuple[list[int], int, float, int]]) -> None:
    domain, names = Domain(), iter(range(10**9))
    for sizes, seed, loss, growth in steps:
        chance = random.Random(seed)
        gone = [i.instance_id for i in domain.instances if chance.random() < loss]
        grown = [
            replace(i, reason=i.reason + "y" * growth)
            for i in domain.instances
            if i.instance_id not in gone and chance.random() < 0.5
        ]
        domain.commit([record(f"i{next(names)}", size) for size in sizes], grown, gone)
        for run in domain.runs():
            assert len(run.records) <= RECORDS
            assert len(run.records) < 2 or run.size <= 2 * BYTES
        assert all(bucket.length for bucket in domain.buckets[1:])
