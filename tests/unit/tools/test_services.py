"""Which services there are, in which order, where they listen, and what they find in their environment."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from mini_openstack.places import Places
from mini_openstack.services import WEB, mark, services, venv_environment
from mini_openstack.settings import PORTS

from tests.servers.process import free_port
from tests.unit.tools.tool import TOOL, settings

RABBIT = "rabbit://me:word@broker:5672/mine"


def test_what_others_need_is_started_before_them(places: Places) -> None:
    assert list(services(settings(places.root), places)) == [
        "mariadb",
        "rabbitmq",
        "keystone",
        "nova-api",
        "neutron",
        "placement",
        "glance",
        "cinder-api",
        "nova-conductor",
        "nova-scheduler",
        "cinder-scheduler",
        "cinder-volume",
        "nova-compute-fake-a",
        "nova-compute-fake-b",
    ]


def test_a_rabbitmq_that_was_given_is_no_service_of_ours(places: Places) -> None:
    with_ours = services(settings(places.root), places)
    assert set(with_ours) - set(services(settings(places.root, RABBIT_URL=RABBIT), places)) == {"rabbitmq"}


def test_there_is_a_service_for_each_compute(places: Places) -> None:
    named = services(settings(places.root, COMPUTES="x y.z"), places)
    computes = {name: service.argv for name, service in named.items() if name.startswith("nova-compute-")}
    assert {name: argv[-1] for name, argv in computes.items()} == {
        "nova-compute-x": f"{places.etc}/nova-compute-x.conf",
        "nova-compute-y.z": f"{places.etc}/nova-compute-y.z.conf",
    }


def test_nine_ports_in_a_row_are_all_that_is_taken(places: Places) -> None:
    there = services(settings(places.root, PORT=16000, HOST="127.0.0.2"), places)
    taken = {name: service.ports for name, service in there.items() if service.ports}
    assert taken == {
        "keystone": (16000,),
        "glance": (16001,),
        "placement": (16002,),
        "nova-api": (16003,),
        "neutron": (16004,),
        "rabbitmq": (16005, 16006, 16007),
        "cinder-api": (16008,),
    }
    assert sum(len(ports) for ports in taken.values()) == PORTS
    assert there["rabbitmq"].address == "127.0.0.1"
    for name in WEB:
        assert there[name].address == "127.0.0.2"
        assert there[name].argv[4:6] == ("127.0.0.2", str(taken[name][0]))


def test_cinder_is_told_of_its_configuration_as_it_does_not_look_for_it(places: Places) -> None:
    there = services(settings(places.root), places)
    for name in ("cinder-api", "cinder-scheduler", "cinder-volume"):
        assert there[name].argv[-2:] == ("--config-file", f"{places.etc}/cinder.conf")


def test_only_novas_and_cinders_agents_cannot_be_asked(places: Places) -> None:
    there = services(settings(places.root), places)
    silent = [name for name, service in there.items() if not service.can_be_asked]
    assert silent == [
        "nova-conductor",
        "nova-scheduler",
        "cinder-scheduler",
        "cinder-volume",
        "nova-compute-fake-a",
        "nova-compute-fake-b",
    ]


def test_every_service_bears_the_mark_of_its_stack(places: Places) -> None:
    for service in services(settings(places.root), places).values():
        assert mark(places) in {f"{name}={value}" for name, value in service.environment.items()}, service.name
    assert mark(places) != mark(Places(places.root / "other"))


LEADS_ELSEWHERE = ("OS_CLOUD", "OS_NOVA_CONFIG_DIR", "PYTHONHOME", "PYTHONPATH", "http_proxy", "NO_PROXY")


def test_what_the_caller_has_in_its_environment_leads_no_service_elsewhere(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*LEADS_ELSEWHERE, "MINI_OPENSTACK_PASSWORD", "LANG"):
        monkeypatch.setenv(name, "theirs")
    environment = venv_environment(places)
    assert [name for name, value in environment.items() if "theirs" in value] == ["LANG"]
    assert environment["PATH"] == f"{places.venv}/bin:{os.environ['PATH']}"
    assert environment["PYTHONPATH"] == f"{TOOL.parent}:{places.lib}"
    for service in ("KEYSTONE", "GLANCE", "PLACEMENT", "NEUTRON", "NOVA"):
        assert environment[f"OS_{service}_CONFIG_DIR"] == str(places.etc)


@contextmanager
def greeting(server: socket.socket, greeted: list[bytes], hello: bytes, answer: bytes) -> Iterator[None]:
    """A server that takes one client, and answers it when it has heard `hello`, or else ends the connection."""

    def serve() -> None:
        client, _ = server.accept()
        with client:
            greeted.append(client.recv(len(hello)) if hello else b"")
            client.sendall(answer)
            with suppress(ConnectionResetError):
                client.recv(len(answer))  # it stays until the client has gone

    server.listen()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with server:
        yield
        thread.join(10)


@pytest.mark.parametrize("answer", [b"welcome", b""])
def test_mariadb_answers_if_it_greets_whoever_comes(places: Places, answer: bytes) -> None:
    mariadb = services(settings(places.root), places)["mariadb"]
    assert not mariadb.answers()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(places.socket))
    with greeting(server, [], b"", answer):
        assert mariadb.answers() is bool(answer)
    assert not mariadb.answers()


@pytest.mark.parametrize("answer", [b"welcome", b""])
def test_rabbitmq_answers_if_it_speaks_amqp(places: Places, answer: bytes) -> None:
    port = free_port()
    rabbitmq = services(settings(places.root, PORT=port - 5), places)["rabbitmq"]
    assert not rabbitmq.answers()
    heard: list[bytes] = []
    with greeting(socket.create_server(("127.0.0.1", port)), heard, b"AMQP\x00\x00\x09\x01", answer):
        assert rabbitmq.answers() is bool(answer)
    assert heard == [b"AMQP\x00\x00\x09\x01"]


def test_an_api_answers_if_it_listens(places: Places) -> None:
    port = free_port()
    keystone = services(settings(places.root, PORT=port), places)["keystone"]
    assert not keystone.answers()
    with socket.create_server(("127.0.0.1", port)):
        assert keystone.answers()
