"""Services that are being started: awaited while they live, and no longer than is set."""

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
from mini_openstack.errors import Trouble
from mini_openstack.jobs import Step
from mini_openstack.launch import Launch
from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.services import Service

from tests.servers.process import free_port
from tests.unit.tools.tool import OBEDIENT, life_of, marked, settings, shell, stand_in, until


def launch(places: Places, *services: Service, timeout: int = 60) -> Launch:
    """Of stand-ins."""
    launch = Launch(settings(places.root, TIMEOUT=timeout), places)
    launch.services = {service.name: replace(service, environment=marked(places)) for service in services}
    return launch


def service(name: str, script: str = OBEDIENT, answers: Callable[[], bool] | None = None) -> Service:
    made = Service(name, tuple(shell(script)), {})
    return replace(made, answers=answers) if answers else made


def test_what_runs_already_is_left_as_it_is(places: Places) -> None:
    first, second = (launch(places, service("a"), service("b")) for _ in range(2))
    first.begin(["a"])
    life = Processes(places).life("a")
    second.begin(["a", "b"])
    assert Processes(places).life("a") == life
    assert Processes(places).all_run(["a", "b"])


def test_of_a_life_before_this_one_nothing_is_left(places: Places) -> None:
    first = stand_in(places, "a", "sleep 600 & echo $! > child; echo ready; wait")
    child = life_of(int((places.run / "child").read_text()))
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not first.lasts)
    launch(places, service("a")).begin(["a"])
    assert not child.lasts
    assert Processes(places).life("a")


def test_a_service_whose_port_is_taken_is_not_started(places: Places) -> None:
    port = free_port()
    wanting = Service("a", tuple(shell(OBEDIENT)), {}, (port,), "127.0.0.1")
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(Trouble, match=f"port {port}, which a needs, is taken: choose another MINI_OPENSTACK_PORT"),
    ):
        launch(places, wanting).begin(["a"])
    assert Processes(places).noted() == []


def test_services_are_awaited_until_they_answer(places: Places, capfd: pytest.CaptureFixture[str]) -> None:
    answering = service("a", "touch there; sleep 600", (places.run / "there").exists)
    starting = launch(places, answering, service("b"))
    starting.begin(["a", "b"])
    starting.until_answered(["a", "b"])
    starting.until_answered(["b", "a"])  # told once
    told = [line.partition(" s  ")[2] for line in capfd.readouterr().err.splitlines()]
    assert sorted(told) == ["a answers", "b is started"]


def test_services_are_awaited_until_they_say_so(places: Places) -> None:
    starting = launch(places, service("a", "echo ready; exec sleep 600"))
    starting.begin(["a"])
    starting.until_logged("a", "ready")
    assert "ready" in places.log_of("a").read_text()


def test_the_death_of_any_of_them_is_told_with_the_end_of_its_log(places: Places) -> None:
    starting = launch(places, service("a", answers=lambda: False), service("b", "echo what it died of; exit 1"))
    starting.begin(["a", "b"])
    with pytest.raises(Trouble) as died:
        starting.until_answered(["a"])
    assert str(died.value).splitlines() == [
        f"b has died, see {places.log}/b.log:",
        "    what it died of",
    ]


def test_what_was_not_begun_now_may_be_dead(places: Places) -> None:
    starting = launch(places, service("a"), service("b"))
    starting.begin(["a"])
    starting.check()


def test_what_does_not_answer_in_time_is_named_with_its_log(places: Places) -> None:
    starting = launch(places, service("a", answers=lambda: False), timeout=1)
    starting.begin(["a"])
    with pytest.raises(Trouble, match=f"after 1 s there is no answer from a, see {places.log}/a.log"):
        starting.until_answered(["a"])
    assert starting.seconds_left == 0


def test_a_step_does_not_outlive_a_service_that_it_needs(places: Places) -> None:
    starting = launch(places, service("a", "until [ -e ../log/pid ]; do sleep 0.01; done"))
    starting.begin(["a"])
    script = "echo $$ > new; mv new pid; exec sleep 600"
    with pytest.raises(Trouble, match="a has died"):
        starting.run(Step(shell(script), marked(places), places.log_of("step")))
    assert not os.path.exists(f"/proc/{(places.log / 'pid').read_text().strip()}")
