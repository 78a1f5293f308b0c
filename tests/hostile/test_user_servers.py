"""Addresses, passwords and files of a configuration that are wrong: said once, by the option's name, no secret."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from elastic.conf import embedded, settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest
from elastic.parts import plant
from tests.functional.cluster import until
from tests.hostile.user_process import AGENT, ELASTIC, all_of
from tests.hostile.user_words import assert_refused, is_plain
from tests.servers.process import free_port
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

pytestmark = pytest.mark.functional

SECRET = "hunter2"  # noqa: S105
STORE, GROUP, BUS = "url = sqlite:///", "backend_url = file://", "url = sqlite+elastic:///"


def configured(place: Path, changes: dict[str, str]) -> Path:
    """The configuration of an embedded cluster, in which each line that begins so is another."""
    config = embedded.write(place)
    lines = config.read_text().splitlines()
    for begin, instead in changes.items():
        (index,) = [n for n, line in enumerate(lines) if line.startswith(begin)]
        lines[index] = instead
    config.write_text("\n".join(lines) + "\n")
    return config


ADDRESSES = [
    (STORE, "url = zookeeper://u:hunter2@[::1", "[store] url"),
    (STORE, "url = zookeeper://u:hunter2\u2100@h/", "[store] url"),
    (STORE, "url = zookeeper://u:hunter2@h:99999/", "[store] url"),
    (STORE, "url = zookeeper://u:hunter2@h:0/", "[store] url"),
    (STORE, "url = zookeeper://u:hunter2@/", "[store] url"),
    (STORE, "url = zookeeper://u:hunter2@a..b/", "[store] url"),
    (STORE, "url = zookeeper://u:hunter2@h/?colour=red", "[store] url"),
    (STORE, "url = zookeeper://u:hunter2@h/?ca_file=/none", "ca_file /none: No such file"),
    (STORE, "url = zookeper://u:hunter2@h/", "[store] url"),
    (STORE, "url = sqlite://var/lib/store.db", "[store] url"),
    (STORE, "url = sqlite:////", "[store] url"),
    (GROUP, "backend_url = zookeeper://u:hunter2@[::1", "[coordination] backend_url"),
    (GROUP, "backend_url = redis://u:hunter2@h/", "[coordination] backend_url"),
    (GROUP, "backend_url = nothing://u:hunter2@h/", "[coordination] backend_url"),
    (BUS, "url = amqp://u:hunter2\u2100@h/", "[bus] url"),
    (BUS, "url = amqp://u:hunter2@[x]/", "[bus] url"),
    (BUS, "url = amqp://u:hunter2@h:99999/", "[bus] url"),
    (BUS, "url = amqp://u:hunter2@h:port/", "[bus] url"),
    (BUS, "url = amqp://u:hunter2@/", "[bus] url"),
    (BUS, "url = amqp://u:hunter2@a..b/", "[bus] url"),
    (BUS, f"url = amqp://u:hunter2@{'a' * 64}/", "[bus] url"),
    (BUS, "url = amqp://u:hunter2/x@h/", "[bus] url"),
    (BUS, "url = amqps://u:hunter2@h/?colour=red", "[bus] url"),
    (BUS, "url = ampq://u:hunter2@h/", "[bus] url"),
    (BUS, "url = sqlite+elastic://var/lib/bus.db", "[bus] url"),
    (BUS, "url = sqlite+elastic:////", "[bus] url"),
]


@pytest.mark.parametrize(("option", "instead", "told"), ADDRESSES, ids=lambda said: ascii(said)[:60])
def test_an_address_that_leads_nowhere_is_refused_by_its_option_and_not_shown(
    tmp_path: Path, option: str, instead: str, told: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        plant(Settings.of(settings.load([str(configured(tmp_path / "c", {option: instead}))])))
    text = str(refused.value)
    assert told in text
    assert SECRET not in text
    assert is_plain(text)


def spoil_secret(text: str, mode: int = 0o600) -> Callable[[Path], None]:
    def spoil(place: Path) -> None:
        (place / "secret").write_text(text)
        (place / "secret").chmod(mode)

    return spoil


SECRETS = {
    "is not there": (lambda place: (place / "secret").unlink(), "No such file"),
    "is a directory": (lambda place: [(place / "secret").unlink(), (place / "secret").mkdir(0o700)], "directory"),
    "is empty": (spoil_secret(""), "64 hexadecimal digits"),
    "is too short": (spoil_secret("a" * 63), "64 hexadecimal digits"),
    "is too long": (spoil_secret("a" * 128), "64 hexadecimal digits"),
    "is none": (spoil_secret(SECRET * 9 + "z"), "64 hexadecimal digits"),
    "is binary": (spoil_secret("\0\x1b" * 32), "64 hexadecimal digits"),
    "is everybody's": (spoil_secret("a" * 64, 0o644), "chmod 600"),
}


@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_that_will_not_do_is_refused_and_not_shown(tmp_path: Path, case: str) -> None:
    config = configured(tmp_path / "c", {})
    spoil, told = SECRETS[case]
    spoil(tmp_path / "c")
    with pytest.raises(BadRequest, match=told) as refused:
        plant(Settings.of(settings.load([str(config)])))
    assert SECRET not in str(refused.value)
    assert is_plain(str(refused.value))


@contextmanager
def taken() -> Iterator[int]:
    """A port that somebody has, who takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_agent_that_cannot_begin_says_why_and_ends(tmp_path: Path) -> None:
    with taken() as port:
        lacks = {
            "a port that is in use": (f"[metrics]\nlisten = 127.0.0.1:{port}", "[metrics] listen"),
            "no host": (f"[metrics]\nlisten = {'a' * 64}:9301", "[metrics] listen"),
            "no such file": ("[DEFAULT]\ninitial_definitions = /none.yaml", "initial_definitions: /none.yaml"),
            "a bomb": ("[DEFAULT]\ninitial_domains = {a: &a [x], b: *a}", "initial_domains"),
            "half a reference": ("[decider]\ninterval = $", "interval"),
        }
        lines = []
        for number, (text, _) in enumerate(lacks.values()):
            config = configured(tmp_path / str(number), {})
            config.write_text(f"{config.read_text()}\n{text}\n")
            lines.append([*AGENT, "--config-file", str(config), "--member", "a"])
        for done, (_, told) in zip(all_of(*lines), lacks.values(), strict=True):
            assert_ended(done, told)


def assert_ended(done: "subprocess.CompletedProcess[str]", told: str) -> None:
    """With 1, and one line for people; what it has logged before is the log's."""
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("elastic-agent: ")]
    assert told in line
    assert is_plain(line)
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr


def client_of(folder: Path, url: str) -> Path:
    folder.mkdir()
    (folder / "client.conf").write_text(f"[DEFAULT]\ncluster = test\n[bus]\nurl = {url}\n")
    return folder / "client.conf"


def test_a_client_that_is_not_let_in_says_so_within_seconds(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    """All at once, so that the longest counts."""
    with taken() as silent:
        urls = {
            rabbitmq.url(password=SECRET, vhost=vhost): "refuses the user 'elastic'",
            rabbitmq.url("nobody", SECRET, vhost=vhost): "refuses the user 'nobody'",
            rabbitmq.url(vhost="nowhere"): "no such vhost",
            rabbitmq.url(vhost=vhost): "no cluster 'test' serves",
            f"amqp://elastic:{SECRET}@127.0.0.1:{free_port()}/": "no replica answers",
            f"amqp://elastic:{SECRET}@127.0.0.1:{silent}/": "no replica answers",
            f"amqps://elastic:{SECRET}@127.0.0.1:{rabbitmq.port}/": "no replica answers",
            f"amqps://elastic:{SECRET}@127.0.0.1:{rabbitmq.port}/?ca_file=/none": "/none",
        }
        configs = [client_of(tmp_path / str(number), url) for number, url in enumerate(urls)]
        ended = all_of(*([*ELASTIC, "domain", "list", "--config-file", str(config)] for config in configs))
    for done, told in zip(ended, urls.values(), strict=True):
        assert_refused(done, 1, told)
        assert SECRET not in done.stderr


def test_an_agent_that_the_broker_does_not_let_in_ends_and_one_whose_broker_is_away_waits(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    refused = {
        rabbitmq.url(password=SECRET, vhost=vhost): "[bus] url: the broker refuses the user",
        rabbitmq.url(vhost="nowhere"): "[bus] url: the broker has no such vhost",
    }
    away = f"amqp://elastic:{SECRET}@127.0.0.1:{free_port()}/"
    first, second, third = (
        [*AGENT, "--config-file", str(configured(tmp_path / name, {BUS: f"url = {url}"})), "--member", "a"]
        for name, url in zip("abc", [*refused, away], strict=True)
    )
    log = tmp_path / "log"
    with log.open("wb") as errors:
        waiting = subprocess.Popen(third, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        for done, told in zip(all_of(first, second), refused.values(), strict=True):
            assert_ended(done, told)
        until(lambda: "waiting: [bus] url: no broker answers" in log.read_text(), lack="it does not say so")
        waiting.terminate()
        assert waiting.wait(30) == 0
    finally:
        waiting.kill()
        waiting.wait()
    assert SECRET not in log.read_text()


def test_a_tree_that_is_another_s_is_refused_to_whoever_has_not_its_password(
    zookeeper: ZooKeeper, zookeeper_root: str, tmp_path: Path
) -> None:
    ours = configured(tmp_path / "ours", {STORE: f"url = {zookeeper.url(chroot=zookeeper_root)}"})
    plant(Settings.of(settings.load([str(ours)], member="a"))).parts.store.close()
    wrong = zookeeper.url(password=SECRET, chroot=zookeeper_root)
    theirs = configured(tmp_path / "theirs", {STORE: f"url = {wrong}"})
    with pytest.raises(BadRequest, match=r"\[store\] url") as refused:
        plant(Settings.of(settings.load([str(theirs)], member="b")))
    assert SECRET not in str(refused.value)
    assert is_plain(str(refused.value))
