"""The words for how far an instance has come, and how well it is.

Lifecycle, in order; it only ever moves forward (EPU's words, numbers as on the wire)::

    100 REQUESTING   the decider has wished for it
    200 REQUESTED    the provisioner has noted an attempt to create its server
    300 ERROR_RETRYING  the attempt failed in a way that may pass; another follows
    400 PENDING      the cloud has accepted it; a server id is on record
    500 STARTED      the cloud says that it is up
    600 RUNNING      it was heard from (or is not monitored)
    650 RUNNING_FAILED  it came up wrong, or never; still has a server
    700 TERMINATING  it is to go
    800 TERMINATED   it is gone
    900 FAILED       the cloud could not make it
    950 REJECTED     the cloud never will

Health: UNKNOWN, OK, MONITOR_ERROR, PROCESS_ERROR (its own word), OUT_OF_CONTACT, MISSING (silence),
ZOMBIE (over, and still talking).
"""

from enum import StrEnum
from functools import cached_property


class InstanceState(StrEnum):
    REQUESTING = "100-REQUESTING"
    REQUESTED = "200-REQUESTED"
    ERROR_RETRYING = "300-ERROR_RETRYING"
    PENDING = "400-PENDING"
    STARTED = "500-STARTED"
    RUNNING = "600-RUNNING"
    RUNNING_FAILED = "650-RUNNING_FAILED"
    TERMINATING = "700-TERMINATING"
    TERMINATED = "800-TERMINATED"
    FAILED = "900-FAILED"
    REJECTED = "950-REJECTED"

    @cached_property
    def is_over(self) -> bool:
        """It no longer counts and never will: leaving, gone, or never came."""
        return self >= InstanceState.TERMINATING

    @cached_property
    def is_final(self) -> bool:
        """Nothing more will happen to it."""
        return self >= InstanceState.TERMINATED

    @cached_property
    def is_coming(self) -> bool:
        """On its way up, not there yet."""
        return self < InstanceState.RUNNING


class Health(StrEnum):
    UNKNOWN = "UNKNOWN"
    OK = "OK"
    MONITOR_ERROR = "MONITOR_ERROR"
    PROCESS_ERROR = "PROCESS_ERROR"
    OUT_OF_CONTACT = "OUT_OF_CONTACT"
    MISSING = "MISSING"
    ZOMBIE = "ZOMBIE"

    @cached_property
    def is_ill(self) -> bool:
        """An instance of this health is to be replaced. (OUT_OF_CONTACT may only be late.)"""
        return self in _ILL


_ILL = frozenset({Health.MONITOR_ERROR, Health.PROCESS_ERROR, Health.MISSING, Health.ZOMBIE})
