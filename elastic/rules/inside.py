"""Which of a domain's vars are for the agent inside each VM."""

from collections.abc import Mapping
from typing import Any

from elastic.model.inside import OF_THE_AGENT, Inside
from elastic.rules.schema import read


def of_the_agent(given: Mapping[str, Any]) -> dict[str, Any]:
    """Without nulls: each stands for a default, which the agent knows itself."""
    return {name: _said(given[name]) for name, kind in OF_THE_AGENT.items() if isinstance(given.get(name), kind)}


def check_inside(given: Mapping[str, Any]) -> None:
    """Raise BadRequest that names the key if the agent would not start with these, and its VM stay silent."""
    read(Inside, of_the_agent(given), "provisioner_vars")


def _said(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _said(part) for key, part in value.items() if part is not None}
    return [_said(part) for part in value] if isinstance(value, list | tuple) else value
