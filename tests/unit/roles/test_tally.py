"""How many of a site's instances fell silent, over all members."""

import pytest

from elastic.adapters.bus.memory import MemoryPeers
from elastic.model.instance import Instance
from elastic.roles.tally import LATELY, Tally
from tests.unit.roles.setting import Setting
from tests.unit.rules.views import record, view

INTERVAL = 10.0


class Counter:
    """One member that counts, and hears what the others tell."""

    def __init__(self, here: Setting, name: str) -> None:
        self.here, self.views = here, [view()]
        peers = MemoryPeers(here.broker, name)
        self.tally = Tally(peers, name, INTERVAL, share=0.3, count=5)
        peers.start(lambda *_: None, lambda _, said: self.tally.hear(said, here.clock.monotonic()))

    def has(self, silent: int, well: int, site: str = "north") -> None:
        now = self.here.clock.now()
        gone = [record(f"s{n}", 600, "MISSING", health_time=now, site=site) for n in range(silent)]
        self.shows(*gone, *(record(f"w{n}", site=site) for n in range(well)))

    def shows(self, *instances: Instance) -> None:
        self.views = [view(instances)]

    def turn(self) -> None:
        self.tally.turn(lambda: self.views, self.here.now)

    def is_braked(self, site: str = "north") -> bool:
        return self.tally.is_braked(site, self.here.clock.monotonic())


class Members:
    def __init__(self) -> None:
        self.here = Setting()
        self.a, self.b = Counter(self.here, "a"), Counter(self.here, "b")

    def turn(self, seconds: float = INTERVAL) -> None:
        self.here.clock.advance(seconds)
        self.a.turn()
        self.b.turn()
        self.here.broker.pump()


@pytest.fixture
def members() -> Members:
    return Members()


@pytest.mark.parametrize(
    ("a", "b", "is_on"),
    [
        ((0, 10), (0, 10), False),
        ((3, 0), (1, 0), False),  # all of them, but too few
        ((3, 0), (2, 0), True),
        ((3, 7), (2, 4), True),
        ((3, 7), (3, 7), False),  # 30 %, and no more
        ((3, 7), (4, 6), True),
        ((5, 0), (0, 95), False),
    ],
)
def test_it_takes_five_and_more_than_thirty_percent_of_all_members(members, a, b, is_on):
    members.a.has(*a)
    members.b.has(*b)
    members.turn()
    assert (members.a.is_braked(), members.b.is_braked()) == (is_on, is_on)


def test_each_site_is_counted_by_itself(members):
    members.a.has(5, 0, "south")
    members.b.has(0, 5, "north")
    members.turn()
    assert members.b.is_braked("south")
    assert not members.b.is_braked("north")
    assert not members.b.is_braked("unheard-of")


def test_those_that_are_over_count_neither_way(members):
    members.a.has(5, 0)
    members.b.shows(*(record(f"o{n}", 800) for n in range(50)))
    members.turn()
    assert members.a.is_braked()


def test_those_replaced_for_their_silence_of_late_still_count(members):
    at = members.here.clock.now()
    gone = [record(f"r{n}", 700, "UNKNOWN", given_up=at) for n in range(3)]
    members.a.shows(*gone, *(record(f"s{n}", 600, "MISSING", health_time=at) for n in range(2)))
    members.turn()
    assert members.a.is_braked()
    members.turn(LATELY)
    assert not members.a.is_braked()


def test_one_that_says_nothing_for_three_turns_is_out_of_the_sum(members):
    members.b.has(5, 0)
    members.turn()
    members.here.broker.cut = {"b"}
    for _ in range(3):
        members.turn()
        assert members.a.is_braked()
    members.turn()
    assert not members.a.is_braked()


def test_the_newest_word_of_a_member_replaces_its_last(members):
    members.b.has(5, 0)
    members.turn()
    members.b.has(0, 5)
    members.turn()
    assert not members.a.is_braked()


def test_without_the_bus_ones_own_count_is_known(members):
    members.here.broker.down = True
    members.a.has(5, 0)
    members.turn()
    assert members.a.is_braked()
    assert not members.b.is_braked()


def test_it_is_told_once_an_interval(members):
    told = []
    members.here.broker.meddle = lambda parcel: told.append(parcel) or (0,)
    for _ in range(10):
        members.turn(INTERVAL / 5)
    assert len([p for p in told if p.sender == "a" and p.to == "b"]) == 2


@pytest.mark.parametrize(
    "word",
    [
        {},
        {"member": "x"},
        {"member": "x", "sites": 3},
        {"member": "x", "sites": {"north": 5}},
        {"member": "x", "sites": {"north": []}},
        {"member": "x", "sites": {"north": ["many", 1]}},
        {"member": "x", "sites": {"north": [1, None]}},
    ],
)
def test_a_malformed_word_is_refused_when_it_is_heard(members, word):
    with pytest.raises((KeyError, TypeError, ValueError)):
        members.a.tally.hear(word, members.here.clock.monotonic())
    assert not members.a.is_braked()
