"""A deployable type: what to boot, per site. And what one launch at one site comes down to, the recipe."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from elastic.model.domain import Json

GroupPolicy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]
Contextualization = Literal["heartbeat", "none"]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Most = Annotated[tuple[Text, ...], msgspec.Meta(max_length=32)]


class Volume(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty disk of its own, made before the server and deleted after it. `size` in GiB."""

    size: Annotated[int, msgspec.Meta(ge=1, le=16384)]
    type: Text | None = None


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to boot at one site.

    `allocations`: other flavors, by what a launch may call them. `image`: a name or an id, or properties of
    which the newest image has to have all. `networks`: names or ids; for each a port is made before the server.
    `floating_ip`: the network from which the first port gets an address. `group`: a server group of the
    domain's own with this policy; `server_group`: one that is there already. `user_data`: a text that
    cloud-init reads, taken as it is, or a mapping: a cloud-config, with variables. `contextualization`: whether
    the agent inside speaks to us; of one that does not, ACTIVE has to be enough.
    """

    flavor: Text
    image: Text | Mapping[Text, Text]
    allocations: Mapping[Text, Text] = {}
    networks: Most = ()
    security_groups: Most = ()
    key: Text | None = None
    availability_zone: Text | None = None
    group: GroupPolicy | None = None
    server_group: Text | None = None
    volumes: Annotated[tuple[Volume, ...], msgspec.Meta(max_length=16)] = ()
    floating_ip: Text | None = None
    user_data: str | Mapping[str, Json] = ""
    metadata: Mapping[Text, Annotated[str, msgspec.Meta(max_length=255)]] = {}
    contextualization: Contextualization = "heartbeat"

    def flavor_for(self, allocation: str | None) -> str:
        """An allocation that the type does not know is none: engines have names for them of their own."""
        return self.allocations.get(allocation or "", self.flavor)


class Variable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One that user data may name. Without a default each domain has to give it."""

    default: Json | msgspec.UnsetType = msgspec.UNSET
    description: str = ""


class DeployableType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`common` holds for all sites; a site's own keys go before it."""

    sites: Mapping[str, Mapping[str, Json]]
    common: Mapping[str, Json] = {}
    variables: Mapping[str, Variable] = {}
    description: str = ""
