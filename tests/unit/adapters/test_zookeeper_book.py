"""Where watches are set, by what is remembered of them."""

from types import SimpleNamespace

import pytest
from kazoo.protocol.states import EventType

from elastic.adapters.store.zookeeper.book import Book
from tests.contract.records import KEY

CHANGED, LOST = SimpleNamespace(type=EventType.CHANGED), SimpleNamespace(type=EventType.NONE)
PATH = "/partitions/000/ann:web:1"


@pytest.fixture
def book():
    return Book(SimpleNamespace(assignment="/assignment", home=lambda key: 0))


@pytest.fixture
def bell(book):
    bell = book.bell(PATH, 3, KEY)
    book.hang(PATH, bell)
    return bell


def test_where_a_watch_is_set_no_other_is(book, bell):
    assert book.is_watched(PATH, 3)
    assert book.bell(PATH, 3, KEY) is None
    assert book.bell(PATH + "0", 3, KEY) is not None


def test_one_that_was_set_before_a_loss_is_not_there_any_more(book, bell):
    assert not book.is_watched(PATH, 4)
    assert book.bell(PATH, 4, KEY) is not None


def test_it_rings_once_and_has_to_be_set_again(book, bell):
    for _ in range(2):
        bell(CHANGED)
    assert list(book.rung) == [KEY]
    assert not book.is_watched(PATH, 3)


def test_a_loss_does_not_ring(book, bell):
    bell(LOST)
    assert not book.rung


def test_one_that_rang_before_it_was_noted_is_not_set(book):
    early = book.bell(PATH, 3, KEY)
    early(CHANGED)
    book.hang(PATH, early)
    assert not book.is_watched(PATH, 3)
    assert list(book.rung) == [KEY]


def test_a_partition_that_is_let_go_is_forgotten_but_for_its_watches(book, bell):
    book.follow([0])
    book.wards[0].known[KEY] = known = SimpleNamespace()
    assert book.recall(KEY) is known
    book.follow([])
    book.follow([0])
    assert book.recall(KEY) is None
    assert book.is_watched(PATH, 3)
    book.take_down()
    assert not book.is_watched(PATH, 3)
