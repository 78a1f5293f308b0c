"""The words, their order, and what they mean."""

from hypothesis import given
from hypothesis import strategies as st

from elastic.model.states import Health, InstanceState

IN_ORDER = [
    "100-REQUESTING",
    "200-REQUESTED",
    "300-ERROR_RETRYING",
    "400-PENDING",
    "500-STARTED",
    "600-RUNNING",
    "650-RUNNING_FAILED",
    "700-TERMINATING",
    "800-TERMINATED",
    "900-FAILED",
    "950-REJECTED",
]
states = st.sampled_from(InstanceState)


def test_states_stand_in_order_as_on_the_wire():
    assert [state.value for state in InstanceState] == IN_ORDER
    assert sorted(InstanceState) == list(InstanceState)


@given(states, states)
def test_what_is_over_stays_over(earlier, later):
    if earlier <= later:
        assert later.is_over or not earlier.is_over
        assert later.is_final or not earlier.is_final
        assert earlier.is_coming or not later.is_coming


@given(states)
def test_a_state_is_coming_or_there_or_over(state):
    there = state in (InstanceState.RUNNING, InstanceState.RUNNING_FAILED)
    assert [state.is_coming, there, state.is_over].count(True) == 1


def test_the_ill_are_to_be_replaced_and_the_late_are_not():
    assert {health.value for health in Health if health.is_ill} == {
        "MISSING",
        "MONITOR_ERROR",
        "PROCESS_ERROR",
        "ZOMBIE",
    }
