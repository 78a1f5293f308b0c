"""What a configuration names and cannot be had is refused before anything starts."""

from pathlib import Path

import pytest

from elastic.conf import embedded, settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest, Unavailable
from elastic.parts import plant

REFUSED = {
    "a store of an unknown kind": (
        "sqlite:///",
        "sqlit:///",
        r"\[store\] url: 'sqlit' is not among those installed: memory, sqlite, zookeeper",
    ),
    "a bus of an unknown kind": ("sqlite+elastic://", "amqpp://host", r"\[bus\] url: .*, not with 'amqpp'"),
    "a bus whose port is none": (
        "sqlite+elastic://",
        "amqp://host:high",
        r"\[bus\] url: the port of an address is a number",
    ),
    "a cloud of an unknown kind": (
        "driver = local",
        "driver = azure",
        r"\[cloud\] driver: 'azure' is not among those installed: local, openstack, simulated",
    ),
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
    text = config.read_text()
    assert written in text
    config.write_text(text.replace(written, instead))
    with pytest.raises(BadRequest, match=told):
        plant(Settings.of(settings.load([str(config)])))


def test_what_is_only_away_is_waited_for(tmp_path: Path) -> None:
    config = embedded.write(tmp_path)
    text = config.read_text()
    away = text.replace(f"url = sqlite+elastic:///{tmp_path}/bus.db", "url = amqp://me:word@127.0.0.1:1//")
    assert away != text
    config.write_text(away)
    with pytest.raises(Unavailable, match=r"\[bus\] url: no broker answers"):
        plant(Settings.of(settings.load([str(config)])))


def test_a_vm_is_told_where_its_heartbeats_go(tmp_path: Path) -> None:
    node = plant(Settings.of(settings.load([str(embedded.write(tmp_path))], member="m1"))).parts.node
    assert node["exchange"] == "elastic.heartbeats.elastic"
    assert str(node["bus"]).endswith(f"{tmp_path}/bus.db")


def with_bus_for_vms(place: Path, url: str) -> Settings:
    config = embedded.write(place)
    config.write_text(config.read_text().replace("[bus]\n", f"[bus]\nvm_url = {url}\n"))
    return Settings.of(settings.load([str(config)]))


def test_a_vm_is_given_an_account_of_its_own(tmp_path: Path) -> None:
    url = "amqps://vms:word@broker/elastic?ca_file=/etc/elastic/ca.pem"
    assert plant(with_bus_for_vms(tmp_path, url)).parts.node["bus"] == url


def test_an_address_for_vms_that_cannot_be_understood_is_refused_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"\[bus\] vm_url: "):
        plant(with_bus_for_vms(tmp_path, "amqp://vms:word@broker:high"))


def test_vms_in_a_real_cloud_are_never_given_the_replicas_account(tmp_path: Path) -> None:
    config = embedded.write(tmp_path, cloud="east")
    text = config.read_text()
    config.write_text(text.replace(f"sqlite+elastic:///{tmp_path}/bus.db", "amqps://replicas:word@broker/elastic"))
    with pytest.raises(BadRequest, match=r"\[bus\] vm_url: has to be given"):
        plant(Settings.of(settings.load([str(config)])))


def with_sources(place: Path, allow: str) -> Settings:
    config = embedded.write(place)
    text = config.read_text()
    assert "allow = *" in text
    config.write_text(text.replace("allow = *", f"allow = {allow}"))
    return Settings.of(settings.load([str(config)]))


def test_domains_may_have_those_sources_asked_that_operators_name(tmp_path: Path) -> None:
    parts = plant(with_sources(tmp_path, "http://prometheus.example:9090, https://b.example/prom")).parts
    assert set(parts.sensors) >= {"constant", "http", "opentsdb", "prometheus"}
    parts.gate.check("https://b.example/prom/api", "url")
    with pytest.raises(BadRequest, match="not among the sources"):
        parts.gate.check("https://b.example/", "url")


@pytest.mark.parametrize("allow", ["prometheus.example:9090", "http://ann:hunter2@prometheus.example"])
def test_a_source_that_is_no_address_is_refused_before_anything_starts(tmp_path: Path, allow: str) -> None:
    with pytest.raises(BadRequest, match=r"\[sensors\] allow: ") as refused:
        plant(with_sources(tmp_path, allow))
    assert "hunter2" not in str(refused.value)


def test_sensors_are_as_patient_as_they_are_told_to_be(tmp_path: Path) -> None:
    config = embedded.write(tmp_path)
    config.write_text(
        config.read_text().replace("allow = *\ninterval = 2\ntimeout = 2", "interval = 7\ntimeout = 3")
    )
    tuned = plant(Settings.of(settings.load([str(config)]))).parts.tuning
    assert (tuned.sense, tuned.sensor_timeout) == (7, 3)
