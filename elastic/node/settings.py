"""What the agent is told: the user data of its server, as a JSON file."""

import os
from pathlib import Path
from string import Template

import msgspec

from elastic.errors import BadRequest
from elastic.model.inside import Inside

VARIABLE = "ELASTIC_NODE_SETTINGS"
PLACE = "/etc/elastic/node.json"


class Settings(Inside, frozen=True, kw_only=True):
    """`key` signs heartbeats and is never logged. `interval` is in seconds, `slot` from 0 to 4095."""

    bus: str
    cluster: str
    slot: int
    instance_id: str
    owner: str
    domain: str
    key: str
    interval: float = 30.0
    exchange: str = ""

    def filled(self, text: str) -> str:
        """With what stands for the instance in its place: `$instance_id`, `$domain`, `$owner`."""
        names = {"instance_id": self.instance_id, "domain": self.domain, "owner": self.owner}
        return Template(text).safe_substitute(names)

    def __post_init__(self) -> None:
        if self.interval <= 0:
            raise ValueError("interval has to be above 0")


def settings_path() -> Path:
    return Path(os.environ.get(VARIABLE) or PLACE)


def read_settings(path: Path) -> Settings:
    """BadRequest says what is wrong with it, and shows none of its values."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise BadRequest(
            f"{path}: {error.strerror}: write the settings there or name them in {VARIABLE}"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequest(f"{path}: {error}") from error
