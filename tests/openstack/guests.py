"""Guests played by processes: real `elastic-node`s, with the settings that Nova was given for them as user
data."""

import base64
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import yaml

from elastic.rules.userdata import NODE_FILE
from tests.openstack.stack import Stack
from tests.servers.process import Child

NODE = [sys.executable, "-P", "-m", "elastic.node.main"]
WITH_USER_DATA = "2.79"


def settings_of(stack: Stack, server_id: str) -> dict[str, Any]:
    """What cloud-init would write for the agent, out of the user data as Nova has it."""
    answer = stack.admin.compute.get(f"/servers/{server_id}", microversion=WITH_USER_DATA)
    text = base64.b64decode(answer.json()["server"]["OS-EXT-SRV-ATTR:user_data"]).decode()
    files = {file["path"]: file["content"] for file in yaml.safe_load(text)["write_files"]}
    found: dict[str, Any] = json.loads(files[NODE_FILE])
    return found


class Guests:
    """By server id; each is started once, and ended by its pid."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._children: dict[str, Child] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def boot(self, server_ids: list[str]) -> None:
        """Those that are not up yet."""
        for server_id in server_ids:
            if server_id not in self._children:
                file = self._folder / f"{server_id}.json"
                file.write_text(json.dumps(settings_of(self._stack, server_id)))
                file.chmod(0o600)
                environment = {**os.environ, "ELASTIC_NODE_SETTINGS": str(file)}
                log = self._folder / f"{server_id}.log"
                self._children[server_id] = Child(NODE, environment, self._folder, log)

    def silence(self, server_id: str) -> None:
        self._children[server_id].end(signal.SIGKILL)

    def close(self) -> None:
        for child in self._children.values():
            if child.lives:
                child.end(signal.SIGKILL)
