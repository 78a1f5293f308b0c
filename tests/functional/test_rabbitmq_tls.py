"""RPC over TLS, and how a replica starts that the broker does not let in, or that finds none."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from elastic import errors
from elastic.conf import embedded
from tests.functional.calling import Serving
from tests.servers.process import free_port, running
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.tls import make_certificates

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def tls_broker(rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    folder = tmp_path_factory.mktemp("tls")
    certificates = make_certificates(folder / "ca", clients_show_theirs=True)
    with running(RabbitMQ(folder / "broker", tls=certificates)) as broker:
        yield broker


def test_calls_go_over_tls_with_certificates_of_both_sides(tls_broker: RabbitMQ, serving: Serving) -> None:
    address = tls_broker.url()
    assert address.startswith("amqps://")
    serving.server(address)
    client = serving.client(f"{address};{address}")
    for size in (1, 20_000, 500_000):
        assert client.call("x" * size, {}, timeout=10) == ["x" * size, "elastic"]
    peers = serving.peers(address, "m1", lambda op, _args: op)
    assert peers.ask("m1", "well", {}, timeout=10) == "well"


def test_what_is_wrong_with_tls_is_told_and_nothing_goes_out_without_it(
    tls_broker: RabbitMQ, serving: Serving, tmp_path: Path
) -> None:
    right = tls_broker.url()
    strange = make_certificates(tmp_path / "other").ca_file
    ca_file = right.partition("ca_file=")[2].partition("&")[0]
    wrong = {
        "certificate verify failed": right.replace(ca_file, quote(str(strange), safe="")),
        "cannot be read": right.replace(ca_file, "%2Fnowhere.pem"),
        r"mismatch|doesn.t match|not valid for": right.replace("@127.0.0.1:", "@127.1:"),
        "the bus failed": f"amqps://{right.partition('://')[2].partition('&cert_file')[0]}",
    }
    for told, address in wrong.items():
        assert address != right
        with pytest.raises(errors.BusUnavailable, match=told):
            serving.client(address).call("x", {}, timeout=3)


def agent_of(place: Path, bus: str) -> "subprocess.Popen[str]":
    config = embedded.write(place)
    text = re.sub(r"^url = sqlite\+elastic.*$", f"url = {bus}", config.read_text(), flags=re.MULTILINE)
    config.write_text(text)
    return subprocess.Popen(
        [sys.executable, "-m", "elastic.cli.agent", "--config-file", str(config), "--member", "m1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("user", "place", "told"),
    [("ann", "/", "refuses the user 'ann' with that password"), ("elastic", "nowhere", "no such vhost")],
)
def test_a_replica_that_the_broker_does_not_let_in_ends_with_one_line(
    rabbitmq: RabbitMQ, tmp_path: Path, user: str, place: str, told: str
) -> None:
    password = "elastic" if user == "elastic" else "hush-hush"
    agent = agent_of(tmp_path, rabbitmq.url(user, password, place))
    out, err = agent.communicate(timeout=60)
    assert agent.returncode == 1
    assert out == ""
    lines = [line for line in err.splitlines() if line.startswith("elastic-agent: ")]
    assert len(lines) == 1
    assert "[bus] url: " in lines[0]
    assert told in lines[0]
    assert "hush" not in err


def test_a_replica_waits_for_a_broker_that_is_away_and_says_so(tmp_path: Path) -> None:
    agent = agent_of(tmp_path, f"amqp://ann:hush-hush@127.0.0.1:{free_port()}//")
    assert agent.stderr is not None
    line = agent.stderr.readline()
    while "waiting" not in line:
        assert line, "it ended"
        line = agent.stderr.readline()
    assert "no broker answers" in line
    agent.terminate()
    _out, err = agent.communicate(timeout=30)
    assert agent.returncode == 0
    assert "hush" not in line + err
