"""Silence counts only while it is proved that we would hear: `watching_since` says from when on."""

import pytest

from elastic.adapters.bus.memory import MemoryHeartbeats
from elastic.ports.bus import Pulse
from elastic.roles.pipe import PROBES_MISSED, Pipe
from tests.unit.roles.setting import PARTITIONS, Setting

INTERVAL = 5.0


class Listening:
    """A member that listens to partitions 1 and 2, turn by turn, an interval apart unless said."""

    def __init__(self, here: Setting, member: str = "me") -> None:
        self.here = here
        self.heartbeats = MemoryHeartbeats(here.broker, member, PARTITIONS)
        self.heartbeats.start(self.hear)
        self.pipe = Pipe(self.heartbeats, member, INTERVAL, "word")
        self.wanted = {1, 2}
        self.heartbeats.tune(frozenset(self.wanted))

    def hear(self, pulses: list[Pulse]) -> None:
        for pulse in pulses:
            self.pipe.returned(pulse.body, self.here.clock.monotonic())

    def turn(self, seconds: float = INTERVAL) -> None:
        self.here.clock.advance(seconds)
        self.here.broker.pump()
        self.pipe.turn(self.wanted, self.here.clock.monotonic())

    def watched_for(self, partition: int = 1) -> float:
        now = self.here.clock.monotonic()
        return now - self.pipe.watching_since(partition, now)


@pytest.fixture
def here() -> Setting:
    return Setting()


@pytest.fixture
def proved(here: Setting) -> Listening:
    """Its pipe has been proved for three intervals."""
    member = Listening(here)
    for _ in range(4):
        member.turn()
    assert member.watched_for(1) == member.watched_for(2) == 3 * INTERVAL
    return member


def test_a_partition_that_is_not_ours_is_not_watched(proved):
    assert proved.watched_for(3) == 0


def test_a_probe_that_comes_back_when_nobody_wanted_it_any_more_does_not_keep_the_watch_from_beginning(proved):
    """Seed 1906: its last domain went, another came at once, and no silence in it was ever held against anyone."""
    proved.wanted = {2}
    proved.turn(0.1)
    proved.pipe.returned(b"me/word/1", proved.here.clock.monotonic())  # by the bus's thread, late
    proved.wanted = {1, 2}
    proved.turn(0.1)
    assert proved.watched_for(1) == 0
    for number in range(3):
        proved.turn()
        assert proved.watched_for(1) == (number + 1) * INTERVAL


def test_while_probes_come_back_the_watch_stands(proved):
    for _ in range(10):
        proved.turn()
    assert proved.watched_for() == 13 * INTERVAL


@pytest.mark.hazard("F27")
def test_before_the_first_probe_is_back_nothing_counts(here):
    member = Listening(here)
    here.broker.meddle = lambda _: ()
    for _ in range(5):
        member.turn()
        assert member.watched_for() == 0


@pytest.mark.hazard("F12")
def test_while_the_partition_is_not_bound_nothing_counts(proved):
    proved.heartbeats.tune(frozenset({2}))
    proved.turn()
    assert (proved.watched_for(1), proved.watched_for(2)) == (0, 4 * INTERVAL)


def test_once_it_is_bound_again_the_watch_begins_anew(proved):
    proved.heartbeats.tune(frozenset({2}))
    proved.turn()
    proved.heartbeats.tune(frozenset({1, 2}))
    proved.turn()
    proved.turn()
    assert proved.watched_for(1) in (INTERVAL, 2 * INTERVAL)


def test_when_the_bus_is_down_nothing_counts(proved):
    proved.here.broker.down = True
    proved.turn()
    assert proved.watched_for() == 0


def test_when_the_bus_is_back_the_watch_begins_with_it(proved):
    proved.here.broker.down = True
    for _ in range(4):
        proved.turn()
    proved.here.broker.down = False
    proved.turn()
    proved.turn()
    assert proved.watched_for() <= 2 * INTERVAL


def test_two_lost_probes_are_forgiven_and_a_third_is_not(proved):
    proved.turn()
    proved.here.broker.meddle = lambda _: ()
    proved.turn()  # what was sent before still arrives
    for _ in range(2):
        proved.turn()
        assert proved.watched_for() > 0
    proved.turn()
    assert proved.watched_for() == 0
    assert 2 < PROBES_MISSED < 3


@pytest.mark.hazard("F12")
def test_a_partition_whose_own_probes_are_lost_is_doubted_alone(proved):
    """The broker may swallow one key and no other."""
    lost = [parcel.to for parcel in swallowed(proved, lambda parcel: parcel.body == b"me/word/1")]
    assert lost
    assert proved.watched_for(1) == 0
    assert proved.watched_for(2) > 3 * INTERVAL


def swallowed(member: Listening, is_lost) -> list:
    parcels = []

    def meddle(parcel):
        if parcel.kind == "probe" and is_lost(parcel):
            parcels.append(parcel)
            return ()
        return (0,)

    member.here.broker.meddle = meddle
    for _ in range(4):
        member.turn()
    return parcels


def test_a_probe_of_the_member_before_us_proves_nothing(here):
    before, after = Listening(here, "before"), Listening(here)
    swallowed(after, lambda parcel: parcel.sender == "me")
    for _ in range(4):
        now = here.clock.monotonic()
        before.pipe.turn({1, 2}, now)
        after.turn()
    assert after.watched_for() == 0
    assert before.watched_for() > 0


@pytest.mark.parametrize(
    "body", [b"", b"me/", b"me/word/x", b"me/word/-1", b"other/word/1", b"me/1", b"me/wor/1", b"me//1", b"\xff/1"]
)
def test_what_is_no_probe_of_ours_proves_nothing(proved, body):
    proved.here.broker.meddle = lambda _: ()
    for _ in range(4):
        proved.pipe.returned(body, proved.here.clock.monotonic())
        proved.turn()
    assert proved.watched_for() == 0


def test_when_our_own_turns_were_too_far_apart_nothing_before_counts(proved):
    proved.turn(2 * INTERVAL)
    assert proved.watched_for() == 5 * INTERVAL
    proved.turn(2 * INTERVAL + 0.1)
    assert proved.watched_for() == 0


def test_a_partition_that_was_given_up_is_forgotten(proved):
    proved.wanted = {2}
    proved.turn()
    proved.wanted = {1, 2}
    proved.turn()
    assert proved.watched_for(1) == 0
    assert proved.watched_for(2) == 5 * INTERVAL


def test_a_probe_is_sent_each_interval_and_no_more_often(proved):
    sent = []
    proved.here.broker.meddle = lambda parcel: sent.append(parcel.body) or (0,)
    for _ in range(10):
        proved.turn(INTERVAL / 5)
    assert sorted(sent) == [b"me/word/1"] * 2 + [b"me/word/2"] * 2


def test_no_probe_is_sent_to_what_is_not_bound(here):
    member = Listening(here)
    member.heartbeats.tune(frozenset())
    sent = []
    here.broker.meddle = lambda parcel: sent.append(parcel.body) or (0,)
    member.turn()
    assert sent == []


@pytest.mark.parametrize("number", ["9" * 5000, "\N{SUPERSCRIPT TWO}", "-1", ""])
def test_a_forged_probe_of_no_partition_is_passed_over(proved, number):
    proved.pipe.returned(f"me/word/{number}".encode(), proved.here.clock.monotonic())
    proved.turn()
    assert proved.watched_for() == 4 * INTERVAL
