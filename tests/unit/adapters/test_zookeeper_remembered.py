"""What is remembered, when things happen in the midst of reading it."""

from types import SimpleNamespace

import pytest

from elastic.adapters.store.zookeeper.remembered import Remembered


class Source:
    """`meanwhile` happens once, after something has been read and before it is handed over."""

    def __init__(self):
        self.session = SimpleNamespace(losses=0)
        self.value = self.reads = 0
        self.watches, self.meanwhile = set(), lambda: None
        self.rung = 0
        self.remembered = Remembered(self.session, self.read, self.rang)

    def rang(self):
        self.rung += 1

    def read(self, watch):
        value, self.reads = self.value, self.reads + 1
        self.watches.add(watch)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return value

    def ring(self):
        rung, self.watches = self.watches, set()
        for watch in rung:
            watch("an event")

    def lose(self):
        self.session.losses += 1

    def fail(self):
        self.ring()
        raise ConnectionError


@pytest.fixture
def source():
    return Source()


EVENTS = {
    "a watch": Source.ring,
    "a loss": Source.lose,
    "a refusal": lambda source: source.remembered.drop(),
}


@pytest.mark.parametrize("happens", EVENTS.values(), ids=EVENTS)
def test_it_is_read_again_after(source, happens):
    assert [source.remembered.get() for _ in range(3)] == [0, 0, 0]
    source.value = 1
    assert (source.remembered.get(), source.reads) == (0, 1)
    happens(source)
    assert [source.remembered.get() for _ in range(3)] == [1, 1, 1]
    assert source.reads == 2


@pytest.mark.parametrize("happens", EVENTS.values(), ids=EVENTS)
def test_what_was_read_before_is_not_kept_after(source, happens):
    def change():
        source.value = 1
        happens(source)

    source.meanwhile = change
    assert source.remembered.get() == 0
    assert [source.remembered.get() for _ in range(3)] == [1, 1, 1]


def test_nor_what_another_thread_began_to_read_earlier(source):
    def overtaken():
        source.value = 1
        source.ring()
        assert source.remembered.get() == 1

    source.meanwhile = overtaken
    assert source.remembered.get() == 0
    assert source.remembered.get() == 1


def test_a_write_of_our_own_is_a_change_even_if_it_fails(source):
    def write():
        with source.remembered.changing():
            source.value = 1
            raise ConnectionError

    source.remembered.get()
    with pytest.raises(ConnectionError):
        write()
    assert source.remembered.get() == 1


def test_what_cannot_be_read_is_not_remembered(source):
    source.remembered.get()
    source.lose()
    source.meanwhile = source.fail
    with pytest.raises(ConnectionError):
        source.remembered.get()
    assert source.remembered.get() == 0
    assert source.reads == 3


def test_a_watch_is_told_of_and_what_we_did_ourselves_is_not(source):
    source.remembered.get()
    source.remembered.drop()
    assert source.rung == 0
    source.ring()
    assert source.rung == 1


def test_it_is_always_the_same_watch(source):
    for _ in range(5):
        source.lose()
        source.remembered.get()
    assert len(source.watches) == 1
