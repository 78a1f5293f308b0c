"""What is loaded at start: definitions and domains, from a file or from the option itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from elastic.errors import BadRequest
from elastic.model.domain import SECTIONS, Json
from elastic.model.names import checked_name


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
    place = Path(said).expanduser()
    try:
        if said.lstrip().startswith("{") or "\n" in said:
            found = yaml.safe_load(said)
        elif place.is_dir():
            found = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(place.glob("*.yaml"))}
        else:
            found = yaml.safe_load(place.read_text())
    except OSError as error:
        raise BadRequest(f"[DEFAULT] {option}: {said}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise BadRequest(f"[DEFAULT] {option} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise BadRequest(f"[DEFAULT] {option} has to be a mapping from names")
    return found
