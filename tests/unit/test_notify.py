"""What systemd is told, as it listens."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.replica.notify import Notify


@pytest.fixture(params=["a path", "an abstract name"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, Notify]]:
    place = str(tmp_path / "notify") if request.param == "a path" else f"\0elastic{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(place)
        listening.settimeout(5)
        yield listening, Notify({"NOTIFY_SOCKET": place.replace("\0", "@")})


def test_systemd_hears_what_the_replica_is_at(systemd: tuple[socket.socket, Notify]) -> None:
    listening, notify = systemd
    notify.ready()
    notify.alive(100.0)
    notify.stopping()
    assert [listening.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_signs_of_life_are_told_once_a_second_at_most(systemd: tuple[socket.socket, Notify]) -> None:
    listening, notify = systemd
    for tenth in range(31):
        notify.alive(tenth / 10)
    notify.stopping()
    assert [listening.recv(100) for _ in range(4)] == [b"WATCHDOG=1"] * 4
    assert listening.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_nobody_who_listens_is_no_error(environ: dict[str, str]) -> None:
    notify = Notify(environ)
    notify.ready()
    notify.alive(1.0)
