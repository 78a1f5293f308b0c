"""A control plane of the tests' own, and eyes on it that trust nothing of ours: its own API, as its
administrator."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection

from tests.functional.cluster import until
from tests.servers.process import free_port

TOOL = Path(__file__).parents[2] / "tools" / "mini-openstack"
PORTS = 9
PATIENCE = 900.0  # seconds; the first start installs some 170 packages


class Stack:
    """`directory` keeps what was installed from one run to the next."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clouds_file = directory / "etc" / "clouds.yaml"
        self._environment = {**os.environ, "MINI_OPENSTACK_DIR": str(directory)}
        self._environment["MINI_OPENSTACK_PORT"] = str(_free_run())

    def begin(self) -> None:
        """An empty cloud."""
        self._run("install")
        self._run("wipe")
        self._run("start")

    def end(self) -> None:
        self._run("stop")

    def start(self, *services: str) -> None:
        self._run("start", *services)

    def stop(self, *services: str) -> None:
        self._run("stop", *services)

    @contextmanager
    def without(self, *services: str) -> Iterator[None]:
        self.stop(*services)
        try:
            yield
        finally:
            self.start(*services)

    def connect(self, cloud: str) -> Connection:
        config = openstack.config.OpenStackConfig(config_files=[str(self.clouds_file)])
        return Connection(config=config.get_one(cloud=cloud, api_timeout=30))

    @cached_property
    def admin(self) -> Connection:
        return self.connect("mini-admin")

    def servers(self, cluster: str) -> dict[str, Any]:
        """By id: all that carry the cluster's mark, in all projects."""
        shown = self.admin.compute.servers(details=True, all_projects=True)
        return {s.id: s for s in shown if s.metadata.get("elastic:cluster") == cluster}

    def groups(self, cluster: str) -> list[Any]:
        shown = self.admin.compute.server_groups(all_projects=True)
        return [g for g in shown if g.name.startswith(f"elastic-{cluster}-")]

    def parts(self, cluster: str) -> set[tuple[str, str]]:
        """Kind and id of all that carries the cluster's mark beside its servers, in all projects."""
        network, prefix = self.admin.network, f"elastic-{cluster}-"
        found = {("port", port.id) for port in network.ports() if port.description == f"elastic:{cluster}"}
        found |= {("floating_ip", ip.id) for ip in network.ips() if ip.description.startswith(prefix)}
        volumes = self.admin.block_storage.volumes(all_projects=True)
        found |= {("volume", volume.id) for volume in volumes if volume.name.startswith(prefix)}
        return found | {("group", group.id) for group in self.groups(cluster)}

    def delete_part(self, kind: str, identity: str) -> None:
        match kind:
            case "port":
                self.admin.network.delete_port(identity)
            case "floating_ip":
                self.admin.network.delete_ip(identity)
            case "volume":
                self.admin.block_storage.delete_volume(identity)
            case "group":
                self.admin.compute.delete_server_group(identity)

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, str(TOOL), *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"mini-openstack {' '.join(words)}: {done.stderr[-3000:]}"


def _free_run() -> int:
    """The first of PORTS free ones in a row."""

    def run() -> int | None:
        first = free_port()
        return first if all(_is_free(first + n) for n in range(1, PORTS)) else None

    found: int = until(run, 20, "no ports in a row")
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0
