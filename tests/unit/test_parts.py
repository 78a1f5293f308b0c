"""What a configuration names and cannot be had is refused before anything starts."""

from pathlib import Path

import pytest

from elastic.conf import embedded, settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest
from elastic.parts import plant

REFUSED = {
    "a store of an unknown kind": (
        "sqlite:///",
        "sqlit:///",
        r"\[store\] url: 'sqlit' is not among those installed",
    ),
    "a bus of an unknown kind": ("sqlite+elastic://", "amqpp://host", r"\[bus\] url: No such transport: amqpp"),
    "a bus whose port is none": ("sqlite+elastic://", "amqp://host:high", r"\[bus\] url: .*'high"),
    "a group of an unknown kind": (
        "file://",
        "zookeper://host",
        r"\[coordination\] backend_url: 'zookeper' is not among those installed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_will_never_be_there_is_not_waited_for(tmp_path: Path, case: str) -> None:
    written, instead, told = REFUSED[case]
    config = embedded.write(tmp_path)
    config.write_text(config.read_text().replace(f"url = {written}", f"url = {instead}"))
    with pytest.raises(BadRequest, match=told):
        plant(Settings.of(settings.load([str(config)])))


def test_what_is_only_away_is_waited_for(tmp_path: Path) -> None:
    config = embedded.write(tmp_path)
    text = config.read_text()
    away = text.replace(f"url = sqlite+elastic:///{tmp_path}/bus.db", "url = amqp://me:word@127.0.0.1:1//")
    assert away != text
    config.write_text(away)
    assert plant(Settings.of(settings.load([str(config)]))).loops


def test_a_vm_is_told_where_its_heartbeats_go(tmp_path: Path) -> None:
    node = plant(Settings.of(settings.load([str(embedded.write(tmp_path))], member="m1"))).parts.node
    assert node["exchange"] == "elastic.heartbeats.elastic"
    assert str(node["bus"]).endswith(f"{tmp_path}/bus.db")
