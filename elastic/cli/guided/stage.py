"""Where the guided run takes place: on this host, where VMs are processes, or on a cloud of clouds.yaml."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from elastic.client import Client

LOCAL = "local"
TYPE = "demo"
HEALTH: Mapping[str, Any] = {
    "heartbeat_interval": 1,
    "boot_timeout": 30,
    "missing_timeout": 4,
    "really_missing_timeout": 2,
    "zombie_seconds": 5,
}


class Stage(Protocol):
    @property
    def cloud(self) -> str: ...

    @property
    def hears(self) -> bool:
        """VMs send heartbeats."""

    @property
    def seconds(self) -> float:
        """That the run may take."""

    def config(self, size: int) -> Mapping[str, Any]:
        """Of the definition."""

    def furnish(self, client: Client) -> None:
        """What has to be there before a domain is asked for."""

    def kill(self, instance: Mapping[str, Any]) -> str:
        """End its VM behind the cluster's back; how that was done."""


class Host:
    """VMs are processes."""

    cloud, hears, seconds = LOCAL, True, 110.0

    def config(self, size: int) -> Mapping[str, Any]:
        return {"general": {"engine": "simplest"}, "engine_conf": {"preserve_n": size}, "health": HEALTH}

    def furnish(self, client: Client) -> None:
        """Anything can be booted."""

    def kill(self, instance: Mapping[str, Any]) -> str:
        os.kill(instance["pid"], signal.SIGKILL)
        return f"(pid {instance['pid']}) is killed with -9"


@dataclass(frozen=True)
class OpenStack:
    """Real servers, of which nothing inside speaks to us: an embedded cluster has no bus that they could reach."""

    cloud: str
    image: str
    flavor: str
    network: str
    hears: bool = False
    seconds: float = 300.0

    def config(self, size: int) -> Mapping[str, Any]:
        engine_conf = {"preserve_n": size, "force_site": self.cloud, "epuworker_type": TYPE}
        return {"general": {"engine": "simplest"}, "engine_conf": engine_conf, "health": {"boot_timeout": 120}}

    def furnish(self, client: Client) -> None:
        boot = {
            "image": self.image,
            "flavor": self.flavor,
            "networks": [self.network],
            "contextualization": "none",
        }
        client.add_type(TYPE, {"sites": {self.cloud: boot}}, check=True)

    def kill(self, instance: Mapping[str, Any]) -> str:
        """As anybody with access to the project could."""
        # here, and not above: openstacksdk takes a second to import, and a run on this host needs none of it
        from elastic.adapters.clock import SYSTEM_CLOCK
        from elastic.adapters.cloud.openstack import OpenStackCloud
        from elastic.adapters.cloud.place import CloudPlace

        cloud = OpenStackCloud.at(CloudPlace(clock=SYSTEM_CLOCK, clouds=[self.cloud]))
        cloud.delete(self.cloud, instance["server_id"], 20.0)
        return f"(server {instance['server_id'][:8]}) is deleted by hand"
