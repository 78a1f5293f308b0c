"""supervisord's answers as its documentation has them; `tests/functional/test_node.py` asks a real one."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest

from elastic.node.supervisord import Supervisord
from elastic.node.units import Blind


class _Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)


@contextmanager
def serving(server: http.server.HTTPServer | SimpleXMLRPCServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def supervisord(
    *programs: dict[str, Any], tail: Callable[..., object] = lambda *_: ["", 0, False]
) -> Iterator[str]:
    server = SimpleXMLRPCServer(("127.0.0.1", 0), requestHandler=_Handler, logRequests=False)
    server.register_function(lambda: list(programs), "supervisor.getAllProcessInfo")
    server.register_function(tail, "supervisor.tailProcessStderrLog")
    server.register_function(lambda *_: ["out\n", 0, False], "supervisor.tailProcessStdoutLog")
    with serving(server) as port:
        yield f"http://127.0.0.1:{port}/RPC2"


def program(state: str, exit_status: int = 0, ended_ago: int = 60, name: str = "worker") -> dict[str, Any]:
    return {
        "name": name,
        "group": "app",
        "statename": state,
        "exitstatus": exit_status,
        "spawnerr": "",
        "stop": 1000 - ended_ago,
        "now": 1000,
    }


@pytest.mark.parametrize(
    ("info", "is_told"),
    [
        (program("RUNNING"), False),
        (program("STARTING"), False),
        (program("STOPPED"), False),
        (program("BACKOFF", 1), False),
        (program("FATAL", 1), True),
        (program("EXITED", 0), False),
        (program("EXITED", 2), True),
        (program("EXITED", 2, ended_ago=1), False),
    ],
)
def test_a_program_has_failed_when_supervisord_does_not_heal_it(info: dict[str, Any], is_told: bool) -> None:
    with supervisord(info) as url:
        found = Supervisord(url, None).failures()
    assert [(failure.name, failure.state, failure.exit) for failure in found] == (
        [("worker", info["statename"], info["exitstatus"])] if is_told else []
    )


def test_the_last_lines_are_of_stderr_else_of_stdout() -> None:
    with supervisord(program("FATAL", 1), tail=lambda *_: ["a\nb\n", 4, True]) as url:
        assert Supervisord(url, "worker").failures()[0].last_lines == ("a", "b")
    with supervisord(program("FATAL", 1)) as url:
        assert Supervisord(url, "app:worker").failures()[0].last_lines == ("out",)


def test_a_log_that_xml_cannot_say_costs_its_lines_only() -> None:
    with supervisord(program("FATAL", 1), tail=lambda *_: ["\x1b[31mboom", 0, False]) as url:
        assert Supervisord(url, None).failures()[0].name == "worker"


def test_only_the_named_program_is_watched() -> None:
    with supervisord(program("FATAL", name="other"), program("RUNNING")) as url:
        assert list(Supervisord(url, "worker").failures()) == []


def test_a_program_that_is_not_there_leaves_us_blind() -> None:
    with supervisord(program("RUNNING")) as url, pytest.raises(Blind, match="no program nobody"):
        Supervisord(url, "nobody").failures()


def test_a_socket_that_is_not_there_leaves_us_blind(tmp_path: Path) -> None:
    with pytest.raises(Blind, match=r"none\.sock does not answer"):
        Supervisord(f"unix://{tmp_path}/none.sock", None).failures()


def test_a_refusal_does_not_show_the_password() -> None:
    class Refuses(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None: ...

    with (
        serving(http.server.HTTPServer(("127.0.0.1", 0), Refuses)) as port,
        pytest.raises(Blind, match="401") as caught,
    ):
        Supervisord(f"http://ann:hunter2@127.0.0.1:{port}/RPC2", None).failures()
    assert "hunter2" not in str(caught.value)
