"""An engine sees an instance as everybody else does."""

from hypothesis import given
from hypothesis import strategies as st

from elastic.model.actions import Candidate, Work
from elastic.model.instance import Instance
from elastic.model.states import Health, InstanceState

states, healths = st.sampled_from(InstanceState), st.sampled_from(Health)
works = st.one_of(st.none(), st.builds(Work, *[st.integers(0, 1)] * 3))


@given(states, healths)
def test_it_is_as_well_as_its_record(state, health):
    seen = Candidate(instance_id="a", state=state, health=health, state_time=0)
    record = Instance(instance_id="a", site="s", deployable_type="t", state=state, health=health)
    assert (seen.is_valid, seen.is_unhealthy) == (record.is_valid, record.is_unhealthy)
    assert [seen.is_valid, seen.is_unhealthy, seen.state.is_over].count(True) == 1


@given(states, works)
def test_it_is_busy_or_idle_or_nobody_knows(state, work):
    seen = Candidate(instance_id="a", state=state, health=Health.OK, state_time=0, work=work)
    known = work is not None and not state.is_coming
    assert (seen.is_busy or seen.is_idle) is known
    assert not (seen.is_busy and seen.is_idle)
