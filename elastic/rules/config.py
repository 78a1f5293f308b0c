"""A domain's config: how its sections are put together, and what may stand in them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from elastic.errors import BadRequest
from elastic.model.domain import SECTIONS, HealthPolicy
from elastic.model.kinds import Section, about
from elastic.rules.inside import check_inside
from elastic.rules.policy import Policy, engine_named
from elastic.rules.schema import read, unquoted

Config = Mapping[str, Mapping[str, Any]]
SIZE_KEYS = (
    "preserve_n",
    "domain_desired_size",
    "minimum_vms",
    "maximum_vms",
    "scale_up_n_vms",
    "scale_down_n_vms",
    "capacity.max",
)
MOST_INSTANCES = 100_000
"""Instances of one domain: more can only be a slip, and would cost a replica its memory."""

DEEPEST = 32
"""Levels of lists and maps below a section's key: deeper can only be meant to hurt whoever reads it."""

MOST_BYTES = 256 * 1024
"""Of all sections, as JSON: what is larger fits into no user data, and into no node of the store with the rest."""


class General(Section, frozen=True, kw_only=True):
    """EPU's; the credential's name goes out with the vars of each launch."""

    engine: Annotated[str | None, about("the policy's name; simplest")] = None
    chef_credential: Annotated[str | None, about("the name of a credential, for Chef")] = None


def merged(definition: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each section of `definition`, with the keys that `config` has in place of its own; one level, no deeper."""
    _check_sections(definition)
    _check_sections(config)
    return {section: {**_section(definition, section), **_section(config, section)} for section in SECTIONS}


def without(config: Config, paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`config` less the keys named as `section.key`. Raise BadRequest for one that is not there."""
    left = {section: dict(keys) for section, keys in config.items()}
    for path in paths:
        section, _, key = path.partition(".")
        if key not in left.get(section, {}):
            raise BadRequest(f"{path!r} cannot be unset: the config has no such key")
        del left[section][key]
    return left


def refuse_depth(config: Mapping[str, Any]) -> None:
    """Raise BadRequest that names the key, if one is nested deeper than DEEPEST levels."""
    for section, keys in config.items():
        for key, value in (keys or {}).items() if isinstance(keys, Mapping | None) else ():
            if _is_deeper(value, DEEPEST):
                raise BadRequest(f"{section}.{key} is nested more than {DEEPEST} levels deep")


def refuse_size(config: Mapping[str, Any]) -> None:
    """Raise BadRequest if it is longer than MOST_BYTES, or JSON cannot say it."""
    try:
        size = len(msgspec.json.encode(config))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadRequest(f"the config cannot be written as JSON: {error}") from None
    if size > MOST_BYTES:
        raise BadRequest(f"a config has at most {MOST_BYTES} bytes, and this one has {size}")


def checked_config(
    general: Mapping[str, Any],
    engine_conf: Mapping[str, Any],
    health: Mapping[str, Any],
    engines: Mapping[str, type[Policy]],
) -> None:
    """Raise BadRequest that names the key, unless this is a config that a domain can run on."""
    checked_general(general, engines).configured(engine_conf)
    check_inside(engine_conf.get("provisioner_vars") or {})
    numbers = unquoted(engine_conf, SIZE_KEYS)
    for key in SIZE_KEYS:
        if isinstance(size := _at(key, numbers), int | float) and abs(size) > MOST_INSTANCES:
            raise BadRequest(f"{key} must be at most {MOST_INSTANCES}, not {size!r}")
    checked_health(health)


def checked_health(health: Mapping[str, Any]) -> HealthPolicy:
    """The health section, read; a null stands for the default."""
    return read(HealthPolicy, health, "health")


def checked_general(general: Mapping[str, Any], engines: Mapping[str, type[Policy]]) -> type[Policy]:
    """The general section, read: the engine that it names."""
    if "engine_class" in general:
        raise BadRequest("general.engine_class is not understood: name the engine as `engine`")
    return engine_named(read(General, general, "general").engine, engines)


def _at(path: str, keys: Mapping[str, Any]) -> Any:
    """The value at `key`, or at `section.key`."""
    section, _, key = path.rpartition(".")
    there = keys.get(section) if section else keys
    return there.get(key) if isinstance(there, Mapping) else None


def _is_deeper(value: Any, levels: int) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else None
    return parts is not None and (levels == 0 or any(_is_deeper(part, levels - 1) for part in parts))


def _section(config: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    keys = config.get(section)
    if keys is None:
        return {}
    if not isinstance(keys, Mapping):
        raise BadRequest(f"{section} has to be a map of keys")
    return keys


def _check_sections(config: Mapping[str, Any]) -> None:
    for section in config:
        if section not in SECTIONS:
            raise BadRequest(f"a config has no section {section!r}, only {', '.join(SECTIONS)}")
