"""The examples in etc/elastic, on real servers: with TLS, a throw-away authority, and the local cloud."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from elastic.cli.agent import REFUSED
from tests.functional.cluster import AGENT, Cluster, Heard, until
from tests.functional.production import ExampleRabbitMQ, ExampleZooKeeper, Servers, example_ensemble
from tests.servers.process import running
from tests.servers.tls import make_certificates

pytestmark = [pytest.mark.functional, pytest.mark.slow]


@pytest.fixture(scope="module")
def servers(
    zookeeper_installed: None, rabbitmq_installed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("production")
    tls = make_certificates(folder / "tls", clients_show_theirs=True)
    with (
        running(ExampleZooKeeper(folder / "zookeeper", tls=tls)) as zookeeper,
        running(ExampleRabbitMQ(folder / "rabbitmq", tls=tls)) as rabbitmq,
    ):
        yield Servers(tls, zookeeper, rabbitmq)


@pytest.fixture
def chroot(servers: Servers) -> str:
    """This test's own, at both."""
    name = f"test-{os.urandom(6).hex()}"
    servers.rabbitmq.replace_vhosts([], [name])
    return name


@pytest.fixture
def production(servers: Servers, chroot: str, tmp_path: Path) -> Iterator[Cluster]:
    """Configured; its agents are not started yet. Nothing of it is left afterwards."""
    with Cluster(tmp_path / "data") as cluster:
        servers.write_configuration(cluster.directory, chroot)
        yield cluster


class Agent:
    def __init__(self, config: Path, member: str) -> None:
        argv = [*AGENT, "--config-file", str(config), "--member", member]
        self.process = Heard(argv)
        self.out, self.err = self.process.out, self.process.err

    def until_ready(self) -> None:
        until(lambda: self.out.lines or self.process.poll() is not None, lack="it is not ready")
        assert self.out.lines == ["ready"], self.err.lines

    def until_said(self, words: str) -> str:
        said: str = until(lambda: next((line for line in self.err.lines if words in line), None), lack=words)
        return said


def test_replicas_by_the_example_run_a_domain_over_tls(production: Cluster, servers: Servers, chroot: str) -> None:
    agents = [Agent(production.directory / "elastic.conf", member) for member in ("a", "b")]
    for agent in agents:
        agent.until_ready()
    production.until_whole(2)
    production.add_domains({"web": 2})
    done = production.cli("domain", "reconfigure", "web", "--set", "engine_conf.preserve_n=3", "--wait")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "web: STABLE, 3 of 3 running")
    production.until_settled({"web": 3})
    for agent in agents:
        agent.process.terminate()
        assert agent.process.wait(10) == 0
    with servers.zookeeper.superuser() as client:
        for path in (f"/{chroot}", f"/{chroot}/elastic", f"/{chroot}/elastic/assignment"):
            acls, _ = client.get_acls(path)
            assert [acl.id.scheme for acl in acls] == ["digest"], path


def test_a_store_whose_certificate_nobody_vouches_for_is_refused_in_one_line(
    servers: Servers, chroot: str, tmp_path: Path
) -> None:
    stranger = make_certificates(tmp_path / "stranger").ca_file
    config = servers.write_configuration(tmp_path / "data", chroot, ca_of_store=stranger)
    agent = Agent(config, "a")
    assert agent.process.wait(30) == REFUSED
    refusal = [line for line in agent.err.lines if line.startswith("elastic-agent: ")]
    assert len(refusal) == 1
    assert "[store] url: ca_file" in refusal[0]
    assert "a-secret" not in "".join(agent.err.lines)


def test_a_bus_whose_certificate_nobody_vouches_for_is_told_of_and_waited_for(
    servers: Servers, chroot: str, tmp_path: Path
) -> None:
    stranger = make_certificates(tmp_path / "stranger").ca_file
    with Cluster(tmp_path / "data") as cluster:
        agent = Agent(servers.write_configuration(cluster.directory, chroot, ca_of_bus=stranger), "a")
        agent.until_said("CERTIFICATE_VERIFY_FAILED")
        assert agent.process.poll() is None
        done = cluster.cli("domain", "list")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        agent.process.terminate()
        assert agent.process.wait(10) == 0


def test_three_servers_by_the_example_are_an_ensemble(zookeeper_installed: None, tmp_path: Path) -> None:
    tls = make_certificates(tmp_path / "tls", clients_show_theirs=True)
    ensemble = example_ensemble(tmp_path, tls)
    try:
        for server in ensemble:
            server.folder.mkdir()
            server.launch()
        for server in ensemble:
            server.until_ready()
        assert sorted(server.mode for server in ensemble) == ["follower", "follower", "leader"]
        with ensemble[0].superuser() as client:
            client.create("/written", b"here")
        with ensemble[1].superuser() as client:
            client.sync("/written")
            assert client.get("/written")[0] == b"here"
    finally:
        for server in ensemble:
            server.stop()
