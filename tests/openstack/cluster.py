"""Agents as in production, whose servers come from a real Nova."""

from pathlib import Path
from typing import Any

from tests.functional.cluster import until
from tests.functional.real import RealCluster
from tests.openstack.stack import Stack
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.zookeeper import ZooKeeper

CLOUD = """\
driver = openstack
clouds = {clouds}
clouds_file = {file}
settle = {settle}
timeout = 20
workers = 8
"""

TYPE = {
    "common": {"image": "cirros", "flavor": "tiny", "networks": ["net"], "contextualization": "none"},
    "sites": {"mini": {}},
}
HEALTH = {"boot_timeout": 60, "missing_timeout": 20, "really_missing_timeout": 5, "zombie_seconds": 10}
CONVERGED = 150.0  # seconds: a minute and a half, and the boots of a busy host


class OpenStackCluster(RealCluster):
    def __init__(
        self,
        directory: Path,
        stack: Stack,
        zookeeper: ZooKeeper,
        rabbitmq: RabbitMQ,
        *,
        clouds: str = "mini",
        settle: float = 10,
        clouds_file: Path | None = None,
        **more: Any,
    ) -> None:
        file = clouds_file or stack.clouds_file
        section = CLOUD.format(clouds=clouds, file=file, settle=settle)
        super().__init__(directory, [zookeeper], rabbitmq, cloud=section, **more)
        self.stack = stack

    @property
    def uid(self) -> str:
        return str(self.client.check_store()["uid"])

    def serve(self, name: str = "web", size: int = 3, kind: dict[str, Any] | None = None, **conf: Any) -> None:
        """A domain of a type of its own, noted; `until_served` waits for it."""
        self.client.add_type(name, kind or TYPE)
        self.client.add_definition(name, {"health": HEALTH})
        engine_conf = {"force_site": "mini", "epuworker_type": name, "preserve_n": size, **conf}
        self.client.add_domain(name, name, {"engine_conf": engine_conf})

    def resize(self, size: int, name: str = "web") -> None:
        self.client.reconfigure_domain(name, {"engine_conf": {"preserve_n": size}})

    def until_served(self, size: int, name: str = "web", bound: float = CONVERGED) -> None:
        """Until exactly so many run, and what is in Nova, Neutron and Cinder and on record is the same, to the
        last name."""
        until(lambda: not self.amiss({name: size}), bound, lambda: "; ".join(self.amiss({name: size})))

    def amiss(self, sizes: dict[str, int]) -> list[str]:
        """What is not as it should be."""
        faults = []
        recorded: dict[str, str] = {}
        parts: set[tuple[str, str]] = set()
        for name, size in sizes.items():
            rows = self.client.domain(name)["instances"]
            up = [row for row in rows if row["state"] == "600-RUNNING"]
            if len(up) != size:
                faults.append(f"{name} has {len(up)} running, not {size}")
            living = [row for row in rows if row["state"] < "800" and row["server_id"]]
            recorded |= {row["server_id"]: row["instance_id"] for row in living}
        for instance_id in recorded.values():
            parts |= {(part["kind"], part["id"]) for part in self.client.instance(instance_id)["parts"]}
        there = self.stack.servers(self.uid)
        named = {identity: server.metadata["elastic:instance"] for identity, server in there.items()}
        if named != recorded:
            faults.append(f"in Nova {sorted(named.values())}, on record {sorted(recorded.values())}")
        made = self.stack.parts(self.uid)
        if made != parts:
            faults.append(f"{len(made)} parts in the cloud, {len(parts)} on record, these differ: {made ^ parts}")
        return faults

    def servers(self) -> list[Any]:
        return list(self.stack.servers(self.uid).values())

    def remove_all(self, bound: float = CONVERGED) -> None:
        """Every domain; until nothing of them is left in the cloud."""
        for row in self.client.domains():
            self.client.remove_domain(row["name"])
        uid = self.uid

        def is_empty() -> bool:
            return not (self.client.domains() or self.stack.servers(uid) or self.stack.parts(uid))

        until(is_empty, bound, lambda: f"left: {self.stack.servers(uid)}, {self.stack.parts(uid)}")
