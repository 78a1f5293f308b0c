"""What others rest on is stopped after them, and what was started here is stopped whatever it is called."""

from pathlib import Path

import pytest
from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.stop import kill_all, stop, stop_all

from tests.unit.tools.tool import stand_in

TELLS = "trap 'sleep 0.1; echo {name} >> {file}; exit 0' TERM; echo ready; sleep 600 & wait"
NAMES = ["glance", "keystone", "mariadb", "nova-compute-gone", "rabbitmq"]


@pytest.fixture
def ended(places: Places) -> Path:
    """The names of those that were told to end, in that order."""
    file = places.root / "ended"
    for name in NAMES:
        stand_in(places, name, TELLS.format(name=name, file=file))
    return file


def test_foundations_end_when_all_others_have_ended(places: Places, ended: Path) -> None:
    stop_all(places)
    order = ended.read_text().split()
    assert sorted(order) == NAMES
    assert set(order[-2:]) == {"mariadb", "rabbitmq"}
    assert Processes(places).noted() == []


def test_they_do_so_in_whichever_order_they_are_named(places: Places, ended: Path) -> None:
    stop(places, ["rabbitmq", "glance"])
    assert ended.read_text().split() == ["glance", "rabbitmq"]
    assert Processes(places).noted() == ["keystone", "mariadb", "nova-compute-gone"]
    assert Processes(places).all_run(["keystone", "mariadb", "nova-compute-gone"])


def test_those_whose_data_go_are_not_asked(places: Places, ended: Path) -> None:
    kill_all(places)
    assert not ended.exists()
    assert Processes(places).noted() == []


def test_to_stop_what_does_not_run_is_nothing(places: Places, capfd: pytest.CaptureFixture[str]) -> None:
    stop(places, ["keystone", "mariadb"])
    stop_all(places)
    kill_all(places)
    assert capfd.readouterr().err == ""
