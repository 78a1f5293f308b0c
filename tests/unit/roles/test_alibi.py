"""Nobody is given up for silence before the cloud has said that it still has the server."""

import pytest

from elastic.errors import CloudUnavailable
from elastic.model.domain import DomainKey
from elastic.model.server import Order
from elastic.roles.alibi import ASK_AGAIN, Alibis
from tests.unit.roles.setting import WEB, Setting, server
from tests.unit.rules.views import record


class Case:
    """An instance with a server, both well, and the calls that were made for it."""

    def __init__(self) -> None:
        self.here = here = Setting()
        self.touched: list[DomainKey] = []
        mark = server("a").mark
        self.server_id = here.cloud.create(Order(mark=mark, site="north", deployable_type="t"), 1.0).server_id
        self.instance = record("a", server_id=self.server_id)
        self.alibis = Alibis(self, here.workers, 7.0, self.touched.append)
        self.asked: list[tuple] = []

    def server(self, *call):
        """In front of the cloud."""
        self.asked.append(call)
        return self.here.cloud.server(*call)

    def checked(self, seconds: float = 0.0) -> bool:
        self.here.clock.advance(seconds)
        return self.alibis.checked(WEB, self.instance, self.here.clock.monotonic())


@pytest.fixture
def case() -> Case:
    return Case()


def test_the_cloud_is_asked_once_and_its_word_stands(case):
    assert not case.checked()
    assert not case.checked(1)
    assert case.asked == [("north", case.server_id, 7.0)]
    case.here.workers.collect()
    assert case.touched == [WEB]
    assert case.checked(1)
    assert case.checked(100)
    assert len(case.asked) == 1


def test_no_answer_gives_nobody_up_and_it_is_asked_again(case):
    case.here.cloud.outage("north", on=True)
    case.checked()
    case.here.workers.collect()
    assert case.touched == [WEB]
    assert not case.checked(ASK_AGAIN - 0.1)
    assert len(case.asked) == 1
    case.here.cloud.outage("north", on=False)
    assert not case.checked(0.1)
    case.here.workers.collect()
    assert case.checked()


def test_of_a_server_that_is_gone_the_provisioner_has_the_word(case):
    case.here.cloud.vanish(case.server_id)
    for _ in range(3):
        assert not case.checked(ASK_AGAIN)
        case.here.workers.collect()
    assert len(case.asked) == 3


def test_one_that_is_shown_as_deleted_is_gone_too(case):
    weather = case.here.cloud.weather
    case.here.cloud.weather = type(weather)(shown_deleted=(100.0, 100.0))
    case.here.cloud.vanish(case.server_id)
    assert not case.checked()
    case.here.workers.collect()
    assert not case.checked()


def test_while_a_question_is_out_no_other_is_asked(case):
    for _ in range(5):
        assert not case.checked(ASK_AGAIN)
    assert len(case.asked) == 1


def test_of_one_without_a_server_the_cloud_is_not_asked(case):
    case.instance = record("a", server_id=None)
    assert not case.checked()
    assert case.asked == []


def test_one_that_spoke_meanwhile_is_asked_about_anew(case):
    case.checked()
    case.here.workers.collect()
    case.alibis.forget("a")
    case.alibis.forget("never-asked")
    assert not case.checked()
    assert len(case.asked) == 2


def test_a_fault_of_our_own_is_no_answer_either(case):
    case.here.cloud.server = lambda *_: (_ for _ in ()).throw(KeyError("x"))
    assert not case.checked()
    case.here.workers.collect()
    assert not case.checked()
    assert not issubclass(KeyError, CloudUnavailable)
