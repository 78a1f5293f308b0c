"""A RabbitMQ of our own, which neither shares with the system's nor with another cloud's."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from mini_openstack import broker
from mini_openstack.places import Places

from tests.unit.tools.tool import settings

WORD, OTHER_WORD = "word", "another"


def configured(places: Places) -> dict[str, str]:
    lines = (places.db / "rabbitmq" / "rabbitmq.conf").read_text().splitlines()
    return dict(line.split(" = ", 1) for line in lines)


def test_clients_find_it_where_it_listens(places: Places) -> None:
    said = settings(places.root, PORT=16000, PASSWORD=WORD)
    broker.write(said, places)
    assert broker.url(said) == "rabbit://openstack:word@127.0.0.1:16005/openstack"
    assert configured(places)["listeners.tcp.1"] == "127.0.0.1:16005"
    assert set(configured(places)) == {
        "listeners.tcp.1",
        "load_definitions",
        "vm_memory_high_watermark.absolute",
        "disk_free_limit.absolute",
    }


def test_its_one_user_has_the_password_that_is_set(places: Places) -> None:
    broker.write(settings(places.root, PASSWORD=WORD), places)
    definitions = json.loads(Path(configured(places)["load_definitions"]).read_text())
    (user,) = definitions["users"]
    salted = base64.b64decode(user["password_hash"])
    assert salted[4:] == hashlib.sha256(salted[:4] + b"word").digest()
    (permission,) = definitions["permissions"]
    assert permission["user"] == user["name"] == "openstack"
    assert [permission["vhost"]] == [vhost["name"] for vhost in definitions["vhosts"]]


def test_its_cookie_stays_and_only_its_owner_can_read_it(places: Places) -> None:
    broker.write(settings(places.root), places)
    cookie = places.db / "rabbitmq" / ".erlang.cookie"
    first = cookie.read_text()
    broker.write(settings(places.root, PASSWORD=OTHER_WORD), places)
    assert cookie.read_text() == first
    assert len(first) >= 20
    assert cookie.stat().st_mode & 0o777 == 0o400


def test_two_clouds_share_nothing(tmp_path: Path) -> None:
    one, other = (
        broker.environment(settings(tmp_path, PORT=port), Places(tmp_path / str(port))) for port in (16000, 17000)
    )
    shared = {name for name in one if one[name] == other[name]}
    own = {"NODENAME", "DIST_PORT", "CONFIG_FILE", "PLUGINS_DIR", "MNESIA_BASE", "LOG_BASE"}
    assert shared.isdisjoint({"HOME", "ERL_EPMD_PORT", *(f"RABBITMQ_{name}" for name in own)})


def test_what_the_system_or_the_caller_says_to_rabbitmq_is_not_for_ours(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RABBITMQ_NODENAME", "theirs")
    monkeypatch.setenv("RABBITMQ_USE_LONGNAME", "true")
    monkeypatch.setenv("ERL_FLAGS", "-sname theirs")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = broker.environment(settings(places.root), places)
    assert environment["RABBITMQ_CONF_ENV_FILE"] == "/dev/null"
    assert "theirs" not in "".join(environment.values())
    assert "RABBITMQ_USE_LONGNAME" not in environment
    assert environment["LANG"] == "C.UTF-8"
