"""What sensors read alike in a config, and what a domain and an instance are called for those who are asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from elastic.adapters.sensor.fetch import Login
from elastic.errors import BadRequest
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.rules.settings import Settings

OF_INSTANCES = ("instance_id", "hostname", "private_ip", "public_ip", "ipv6", "server_id")


def names_of(key: DomainKey, instance: Instance | None = None) -> dict[str, str]:
    """What is not known is left out."""
    names = {"owner": key.owner, "domain": key.name}
    if instance is not None:
        known = {name: getattr(instance, name) for name in OF_INSTANCES}
        names |= {name: said for name, said in known.items() if said}
    return names


def section_of(conf: Mapping[str, Any], keys: Sequence[str]) -> Settings:
    """What stands under `sensor_data`."""
    return Settings({"sensor_data": conf.get("sensor_data")}, ("sensor_data",)).section("sensor_data", keys)


def login_of(conf: Mapping[str, Any]) -> Login:
    """BadRequest for a token that no header can carry; it is not shown."""
    user, secret = conf.get("access_key"), conf.get("secret_key")
    if secret and not user and not (secret.isascii() and secret.isprintable()):
        raise BadRequest("secret_key: a token has to be of printable ASCII; is there a line end behind it?")
    return Login(user, secret)
