"""What is loaded at start: definitions and domains, from a file or from the option itself."""

from collections.abc import Mapping
from typing import Any

import msgspec

from elastic.conf import documents
from elastic.conf.places import expanded
from elastic.errors import BadRequest
from elastic.model.domain import SECTIONS, Json
from elastic.model.names import checked_name

MOST_BYTES = 64 * 1024 * 1024


class InitialDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`owner`: whoever reads this knows whose it is if it is not said."""

    definition: str
    owner: str | None = None
    config: Mapping[str, Mapping[str, Json]] = {}


def definitions(said: str) -> dict[str, Mapping[str, Json]]:
    """Definitions by name. `said` is a file, a directory of files NAME.yaml, or the mapping itself.

    Raises BadRequest, which names what is wrong.
    """
    found: dict[str, Mapping[str, Json]] = {}
    for name, body in _mapping(said, "initial_definitions").items():
        checked_name(name, "definition")
        if not isinstance(body, dict) or not set(body) <= set(SECTIONS):
            raise BadRequest(f"[DEFAULT] initial_definitions: {name} has to be a mapping of {', '.join(SECTIONS)}")
        found[name] = body
    return found


def domains(said: str) -> dict[str, InitialDomain]:
    """Domains by name. `said` is a file, or the mapping itself. Raises BadRequest, which names what is wrong."""
    found = {}
    for name, body in _mapping(said, "initial_domains").items():
        checked_name(name, "domain")
        try:
            found[name] = msgspec.convert(body, InitialDomain)
        except msgspec.ValidationError as error:
            raise BadRequest(f"[DEFAULT] initial_domains: {name}: {error}") from None
    return found


def _mapping(said: str, option: str) -> dict[str, Any]:
    if not said.strip():
        return {}
    if said.lstrip().startswith("{") or "\n" in said:
        return _written_out(said, option)
    try:
        place = expanded(said)
        if place.is_dir():
            return {file.stem: documents.read_mapping(file) for file in sorted(place.glob("*.yaml"))}
        return documents.read_mapping(place, MOST_BYTES)
    except BadRequest as error:
        raise BadRequest(f"[DEFAULT] {option}: {error}") from None


def _written_out(said: str, option: str) -> dict[str, Any]:
    try:
        found = documents.parse(said)
    except BadRequest as error:
        raise BadRequest(f"[DEFAULT] {option} is no YAML that is taken here: {error}") from None
    if not isinstance(found, dict):
        raise BadRequest(f"[DEFAULT] {option} has to be a mapping from names")
    return found
