"""Deployable types: what may stand in one, and the recipe that it gives for a launch at a site. Pure."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from elastic.errors import BadRequest
from elastic.model.domain import Json
from elastic.model.names import checked_name
from elastic.model.recipe import DeployableType, Recipe
from elastic.rules import userdata

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
OWN_PREFIX = "elastic:"
"""Of metadata that we set ourselves: the mark."""

AGENT_BYTES = 512
"""What an agent is told takes about as much."""

S = TypeVar("S", bound=msgspec.Struct)


def checked_type(body: Mapping[str, Json]) -> DeployableType:
    """The type that a user has written. BadRequest names the key that is wrong, and the site that it is wrong
    for."""
    found = _read(body, DeployableType, "")
    if not found.sites:
        raise BadRequest("sites: has to name at least one site")
    for name in found.variables:
        if not VARIABLE.fullmatch(name):
            raise BadRequest(f"variables: {name[:40]!r} is no name for a variable: letters, digits and _")
        if name in userdata.OWN:
            raise BadRequest(f"variables: {name!r} is set by elastic itself")
    for site in found.sites:
        checked_name(site, "site")
        recipe(found, site)
    return found


def recipe(kind: DeployableType, site: str) -> Recipe:
    """What it boots at `site`. BadRequest if it does not say so, or says what cannot be."""
    if site not in kind.sites:
        raise BadRequest(f"sites: has nothing for site {site!r}, only for {', '.join(sorted(kind.sites))}")
    where = f"sites.{site}"
    found = _read({**kind.common, **kind.sites[site]}, Recipe, where)
    if found.group and found.server_group:
        raise BadRequest(f"{where}: give either group or server_group")
    if found.floating_ip and not found.networks:
        raise BadRequest(f"{where}.floating_ip: needs one of networks to belong to")
    if isinstance(found.image, Mapping) and not found.image:
        raise BadRequest(f"{where}.image: has to name an image, or properties of it")
    for key in found.metadata:
        if key.startswith(OWN_PREFIX):
            raise BadRequest(f"{where}.metadata: keys that begin with {OWN_PREFIX!r} are elastic's own")
    try:
        userdata.check(found.user_data, kind.variables)
    except BadRequest as error:
        raise BadRequest(f"{where}.user_data: {error}") from None
    return found


def variables(kind: DeployableType, given: Mapping[str, Json]) -> dict[str, Json]:
    """The declared ones with what a domain has given, or their defaults. BadRequest names one that is missing."""
    found = {name: given.get(name, variable.default) for name, variable in kind.variables.items()}
    missing = sorted(name for name, value in found.items() if value is msgspec.UNSET)
    if missing:
        raise BadRequest(f"its variable {missing[0]!r} is not set: give it in engine_conf.provisioner_vars")
    return found


def refuse_weight(kind: DeployableType) -> None:
    """Raise BadRequest unless a launch could send its user data: with the variables as they are by default,
    nothing for those that a domain has to give, and about what the agent is told."""
    given = {name: "" if v.default is msgspec.UNSET else v.default for name, v in kind.variables.items()}
    given |= dict.fromkeys(userdata.OWN, "")
    for site in kind.sites:
        try:
            userdata.render(recipe(kind, site).user_data, given, {"": "x" * AGENT_BYTES})
        except BadRequest as error:
            raise BadRequest(f"sites.{site}.user_data: {error}") from None


def _read(value: Any, kind: type[S], where: str) -> S:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(_told(str(error), where)) from None


def _told(text: str, where: str) -> str:
    """msgspec's word, with the key first: `$.networks[0]` is `sites.SITE.networks[0]` to who wrote it."""
    said, _, place = text.partition(" - at `$")
    key = (where + place.rstrip("`")).lstrip(".")
    said = said[:1].lower() + said[1:]
    return f"{key}: {said}" if key else said
