"""What sensors read alike in a config, and what a domain and an instance are called for those who are asked."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

import msgspec

from elastic.adapters.sensor.fetch import Login
from elastic.model.domain import DomainKey
from elastic.model.instance import Instance
from elastic.model.kinds import about
from elastic.rules.schema import keys_of, read

OfInstance = Literal["instance_id", "hostname", "private_ip", "public_ip", "ipv6", "server_id"]


def names_of(key: DomainKey, instance: Instance | None = None) -> dict[str, str]:
    """What is not known is left out."""
    names = {"owner": key.owner, "domain": key.name}
    if instance is not None:
        known = {name: getattr(instance, name) for name in get_args(OfInstance)}
        names |= {name: said for name, said in known.items() if said}
    return names


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a config that is a sensor's; its own keys come besides."""

    access_key: Annotated[str | None, about("a user")] = None
    secret_key: Annotated[str | None, about("the user's password; without a user, a token")] = None

    def __post_init__(self) -> None:
        secret = self.secret_key
        if secret and not self.access_key and not (secret.isascii() and secret.isprintable()):
            raise ValueError("secret_key: a token has to be of printable ASCII; is there a line end behind it?")

    @classmethod
    def of(cls, conf: Mapping[str, Any]) -> Self:
        """From an `engine_conf`, which has others' keys too. BadRequest names the key that is wrong, and shows no
        secret."""
        return read(cls, {key: conf[key] for key in keys_of(cls) if key in conf})

    @property
    def login(self) -> Login:
        return Login(self.access_key, self.secret_key)
