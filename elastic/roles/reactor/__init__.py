"""The reactor: answers messages. Every replica runs one; none of it needs a leader.

`operations` says what an operation is, `domains`, `definitions`, `types`, `sites`, `stops`, `instances`, `servers`
and `cluster` are the operations, `hearing` takes the heartbeats, `reactor` ties them to the bus.
"""

from elastic.roles.reactor.desk import Desk, MemberStatus
from elastic.roles.reactor.hearing import Hearing
from elastic.roles.reactor.reactor import OPERATIONS, Reactor

__all__ = ["OPERATIONS", "Desk", "Hearing", "MemberStatus", "Reactor"]
