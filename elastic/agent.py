"""One replica, stepped from outside: `turn` does what is to be done now, `keep` keeps its place in the group.

All role turns run in the caller's one thread, so the mirror needs no locks. What may block (the cloud,
engines, the bus) is done by workers; what arrives in other threads is put in the inbox and taken by the turn.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from elastic.errors import Conflict, ElasticError, StoreUnavailable
from elastic.logs import Complaint, about
from elastic.model.assignment import Member
from elastic.model.domain import DomainKey, Json
from elastic.ports.bus import HeartbeatIn, Peers
from elastic.ports.clock import Clock
from elastic.ports.lastheard import LastHeard
from elastic.ports.membership import Group
from elastic.ports.store import Store
from elastic.ports.workers import Workers
from elastic.roles import survey, sweep, tally
from elastic.roles.cycle import Cycle
from elastic.roles.duties import Duties
from elastic.roles.isolation import Isolation
from elastic.roles.leadership import Leadership
from elastic.roles.memory import Memory
from elastic.roles.mirror import Mirror
from elastic.roles.moment import Moment
from elastic.roles.pipe import Pipe
from elastic.roles.reactor import Reactor
from elastic.roles.survey import Surveyor
from elastic.roles.sweep import Sweep
from elastic.roles.tally import Tally
from elastic.roles.thoughts import Thoughts
from elastic.tuning import Dials, Tuning

log = logging.getLogger(__name__)

AFTER_FAILURE = 1.0  # seconds
PASSES = 4  # over the cycles in one turn: one role's write is the next one's news
HOUSEKEEPING = 10.0  # seconds
LONGEST_WAIT = 1.0  # seconds between two turns, whatever happens
MOST_WORDS = 1_000  # of other members that wait for the next turn; then the oldest go
LET_GO_AFTER = 2.0  # seconds for which a partition that went elsewhere is still listened to


@dataclass(frozen=True, kw_only=True)
class Staff:
    """All that one replica is made of; put together in `assembly`."""

    member: Member
    clock: Clock
    store: Store
    group: Group
    workers: Workers
    heartbeats: HeartbeatIn
    peers: Peers
    lastheard: LastHeard
    mirror: Mirror
    pipe: Pipe
    leadership: Leadership
    duties: Duties
    surveyor: Surveyor
    sweep: Sweep
    tally: Tally
    isolation: Isolation
    thoughts: Thoughts
    reactor: Reactor
    cycles: Sequence[Cycle]
    inbox: "Inbox"
    dials: Dials
    memories: Sequence[Memory]


class Inbox:
    """What other threads leave for the control loop, and the threads' signs to one another: `wake` is called
    when something has come in, `tell_progress` when the loop has come further within a turn."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.tell_progress: Callable[[], None] = lambda: None
        self._keys: deque[DomainKey] = deque()
        self._messages: deque[tuple[str, Mapping[str, Json]]] = deque(maxlen=MOST_WORDS)

    def flag(self, key: DomainKey) -> None:
        self._keys.append(key)
        self.wake()

    def hear(self, topic: str, message: Mapping[str, Json]) -> None:
        self._messages.append((topic, message))
        self.wake()

    def progress(self) -> None:
        self.tell_progress()

    def flagged(self) -> list[DomainKey]:
        """Each once, in order of arrival."""
        return list(dict.fromkeys(self._keys.popleft() for _ in range(len(self._keys))))

    def messages(self) -> list[tuple[str, Mapping[str, Json]]]:
        return [self._messages.popleft() for _ in range(len(self._messages))]


class Agent:
    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self.name = staff.member.name
        self.reactor = staff.reactor
        self.store_is_lost = False
        self.cut_turns = 0  # in a row that could not be done to their end
        self._card: Member | None = None
        self._owned_up = False
        self._housekept_at: float | None = None
        self._tuned: dict[int, float | None] = {}  # partition -> when it went elsewhere; null: it is ours
        self._ages: dict[str, float] = {}
        self.won_at: float | None = None  # monotonic: when it last came to lead a role
        self.malformed = 0  # words of members that could not be understood
        self._malformed = Complaint(log, "what a member told was dropped, as are all such words: %s")
        self._roles_unknown = Complaint(log, "nobody knows who leads: %s")
        self._place_unkept = Complaint(log, "cannot keep our place in the group: %s")

    # the place in the group: the keeper's thread

    def join(self) -> None:
        self._staff.group.join()

    def keep(self) -> None:
        """Take or keep the roles' locks, say that we live, see who else does. About three times a session.

        The election first, and by itself: whoever is stopped with the group's lock in its hand must not make
        the others lose their roles.

        Conflict: another process lives under our name, and this one must not go on.
        """
        self._contend()
        try:
            self._staff.group.beat()
            self._look_around()
            self._describe()
            self._place_unkept.settled()
        except Conflict:
            raise
        except ElasticError as trouble:
            self._staff.duties.present = {}  # nobody knows: the assignment stands
            self._place_unkept.raised(trouble)
        self._ages["keeper"] = self._staff.clock.monotonic()

    def _contend(self) -> None:
        led = self._staff.leadership.leads()
        try:
            self._staff.leadership.contend()
            self._roles_unknown.settled()
        except ElasticError as trouble:
            self._roles_unknown.raised(trouble)
            self._staff.leadership.forget_seats()
        if self._staff.leadership.leads() - led:
            self.won_at = self._staff.clock.monotonic()
            self._staff.inbox.wake()

    def _look_around(self) -> None:
        staff = self._staff
        before, staff.duties.present = staff.duties.present, staff.group.present()
        if staff.duties.present != before:
            staff.inbox.wake()

    def _describe(self) -> None:
        """Write our card, when there is anything new on it."""
        staff = self._staff
        able = {"cloud": staff.surveyor.is_able, "bus": self.hears()}
        card = Member(name=self.name, host=staff.member.host, pid=staff.member.pid, able=able)
        if card != self._card:
            told = staff.clock.now()
            staff.store.describe_member(Member(name=card.name, host=card.host, pid=card.pid, able=able, told=told))
            self._card = card
        written = staff.store.members().get(self.name, card)
        staff.group.tell({"weight": written.weight, "formats": written.formats})

    def hears(self) -> bool:
        return self._staff.heartbeats.is_connected

    # the control loop

    def turn(self) -> float:
        """Do what is to be done now; return the seconds until the next turn is due (one at most)."""
        now, cut = Moment.of(self._staff.clock), False
        try:
            with about(term=self._staff.mirror.assignment.term):
                self._take_in(now)
                self._step(now)
            if self.store_is_lost:
                log.info("the store answers again")
            self.store_is_lost = False
        except StoreUnavailable as trouble:
            if not self.store_is_lost:
                log.warning("the store does not answer; nothing is done without it: %s", trouble)
            self.store_is_lost = cut = True
        except ElasticError:
            log.exception("this turn was cut short")
            cut = True
        self._ages["control"] = self._staff.clock.monotonic()
        self.cut_turns = self.cut_turns + 1 if cut else 0
        return AFTER_FAILURE if cut else self._wait()

    def _step(self, now: Moment) -> None:
        staff = self._staff
        if not self._owned_up:
            staff.isolation.own_up(staff.store, self.name, now)
            staff.isolation.learn(staff.store, now)
            self._owned_up = True
        staff.mirror.refresh()
        self._listen(now)
        if not staff.mirror.partitions():
            staff.duties.lead_nothing_if_drained()
        staff.duties.turn(staff.mirror.sites, now)
        staff.tally.turn(staff.mirror.views, now)
        for _ in range(PASSES):
            if not sum(cycle.turn() for cycle in staff.cycles) + staff.workers.collect():
                break
        self._keep_house(now)

    def _take_in(self, now: Moment) -> None:
        """What came back from workers, and what other threads left for us."""
        staff = self._staff
        staff.workers.collect()
        keys = staff.inbox.flagged()
        for cycle in staff.cycles:
            cycle.touch(keys)
        for topic, message in staff.inbox.messages():
            try:
                if topic == survey.TOPIC:
                    staff.surveyor.hear(message)
                elif topic == sweep.TOPIC:
                    staff.sweep.hurry()
                elif topic == tally.TOPIC:
                    staff.tally.hear(message, now.mono)
                else:
                    raise ValueError("nobody listens for that")
            except StoreUnavailable:
                raise
            except Exception as fault:  # what one member says must not cost what all others said
                self.malformed += 1
                self._malformed.raised(fault)

    def _listen(self, now: Moment) -> None:
        """Hear our partitions; those that went elsewhere a little longer, until the other surely hears them."""
        mine = self._staff.mirror.partitions()
        for partition in mine:
            self._tuned[partition] = None
        for partition, lost in tuple(self._tuned.items()):
            if partition not in mine:
                self._tuned[partition] = now.mono if lost is None else lost
        self._tuned = {
            p: lost for p, lost in self._tuned.items() if lost is None or now.mono - lost < LET_GO_AFTER
        }
        self._staff.heartbeats.tune(frozenset(self._tuned))
        self._staff.pipe.turn(self._staff.mirror.inhabited(), now.mono)

    def _keep_house(self, now: Moment) -> None:
        is_due = self._housekept_at is None or now.mono - self._housekept_at >= HOUSEKEEPING
        if not is_due or not self._staff.mirror.is_whole:
            return
        self._housekept_at = now.mono
        ids, keys = frozenset(self._staff.mirror.instance_ids()), frozenset(self._staff.mirror.keys())
        self._staff.lastheard.keep_only(ids)
        for memory in self._staff.memories:
            memory.keep_only(ids, keys)
        self._staff.isolation.learn(self._staff.store, now)

    def _wait(self) -> float:
        if not self._staff.mirror.is_whole:
            return 0.0
        now = self._staff.clock.monotonic()
        due = [at for cycle in self._staff.cycles if (at := cycle.next_due()) is not None]
        return max(0.0, min([now + LONGEST_WAIT, *due]) - now)

    # what others want to know of us

    def hear_peer(self, topic: str, message: Mapping[str, Json]) -> None:
        self._staff.inbox.hear(topic, message)

    def set_wake(self, wake: Callable[[], None]) -> None:
        """What cuts the wait between two turns short, called from any thread."""
        self._staff.inbox.wake = wake
        self._staff.workers.set_wake(wake)
        self._staff.store.set_wake(wake)

    def set_keeper_wake(self, wake: Callable[[], None]) -> None:
        """What has `keep` called before its time, from any thread: a role may be free."""
        self._staff.leadership.set_wake(wake)

    def set_progress(self, tell: Callable[[], None]) -> None:
        """Called by the control loop, often: a long turn that comes further does not hang."""
        self._staff.inbox.tell_progress = tell

    def leads(self) -> frozenset[str]:
        return self._staff.leadership.leads()

    def give_up(self, role: str) -> None:
        """In any thread. If the store does not answer, the next `keep` does it, or our session ends it."""
        try:
            self._staff.leadership.give_up(role)
        except ElasticError as trouble:
            log.warning("%s could not be given up yet: %s", role, trouble)

    def in_ring(self) -> bool:
        """We hold partitions; or all are dealt out and we are to have none."""
        assignment = self._staff.mirror.assignment
        if self.name in assignment.holders:
            return True
        card = self._staff.store.members().get(self.name)
        return bool(assignment.holders) and card is not None and card.weight == 0

    def loop_ages(self) -> dict[str, float]:
        """Seconds since each loop last came round."""
        now = self._staff.clock.monotonic()
        ages = {name: now - at for name, at in tuple(self._ages.items())}
        cycles = {c.name: now - c.ended_at for c in self._staff.cycles if c.ended_at is not None}
        return ages | cycles

    @property
    def staff(self) -> Staff:
        """For the metrics, which only look."""
        return self._staff

    def retune(self, tuning: Tuning) -> None:
        """Other numbers from now on; from any thread."""
        self._staff.dials.turn_to(tuning)
        self._staff.inbox.wake()

    def stop(self) -> None:
        """Hand over: resign, leave. What is under way in the cloud the others will find by its mark.

        Each of these may wait some seconds for a store that does not answer: the first that does is the last.
        """
        staff = self._staff
        for step in (staff.leadership.resign_all, staff.group.leave, lambda: staff.store.forget_member(self.name)):
            try:
                step()
            except StoreUnavailable as trouble:
                log.warning("on the way out: %s; the rest is left to the end of our session", trouble)
                return
            except ElasticError as trouble:
                log.warning("on the way out: %s", trouble)
