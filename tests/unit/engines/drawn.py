"""What hypothesis draws to ask an engine with."""

from hypothesis import strategies as st

from elastic.model.actions import Candidate
from elastic.model.states import Health, InstanceState
from tests.unit.asking import BUSY, IDLE, memo


def groups(*sites: str) -> st.SearchStrategy[list[Candidate]]:
    """Instances of all states, at `sites`, or where it is not said."""
    candidates = st.builds(
        Candidate,
        instance_id=st.sampled_from("abcdefghij"),
        state=st.sampled_from(InstanceState),
        health=st.sampled_from(Health),
        state_time=st.integers(0, 5),
        site=st.sampled_from([None, *sites]),
        protected=st.booleans(),
        work=st.sampled_from([None, BUSY, IDLE]),
    )
    return st.lists(candidates, max_size=10, unique_by=lambda i: i.instance_id)


sizes = st.integers(0, 6)
memos = st.builds(lambda size, names: memo(size, *names), sizes, st.lists(st.sampled_from("abcdefghijk")))
shares = st.one_of(st.none(), sizes)
times = st.integers(0, 20)
"""Some of them within a backoff of what failed in a group."""

turns = st.randoms(use_true_random=False)
