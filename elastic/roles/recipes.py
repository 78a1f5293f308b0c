"""Deployable types as they stand in the store, for who is about to launch: an owner's own before the common
one."""

from collections.abc import Mapping

from elastic.errors import BadOrder, BadRequest, NotFound
from elastic.model.domain import Json
from elastic.model.recipe import DeployableType, Recipe
from elastic.ports.store import Store
from elastic.rules import recipes

KIND, BODY = "type", "type"
"""Of entries in the store; and the key in one under which it lies as it was written."""


def entry_name(name: str, owner: str | None) -> str:
    """Under which a type lies in the store; no name has a colon in it. Without an owner: the common one."""
    return name if owner is None else f"{owner}:{name}"


def owner_in(entry: str) -> tuple[str | None, str]:
    """Whose it is, None for a common one; and its name."""
    owner, colon, name = entry.rpartition(":")
    return (owner if colon else None), name


def find(store: Store, owner: str | None, name: str) -> tuple[str, Mapping[str, Json]]:
    """The entry's name and what lies there. NotFound. Blocks."""
    for entry in dict.fromkeys((entry_name(name, owner), entry_name(name, None))):
        try:
            return entry, store.entry(KIND, entry)
        except NotFound:
            continue
    raise NotFound(f"there is no deployable type {name!r}")


def recipe(
    store: Store, owner: str, name: str, site: str, given: Mapping[str, Json]
) -> tuple[Recipe, Mapping[str, Json]]:
    """What to boot at `site`, and the variables of its user data. BadOrder says why not. Blocks."""
    try:
        kind = read(find(store, owner, name)[1])
        return recipes.recipe(kind, site), recipes.variables(kind, given)
    except (NotFound, BadRequest) as error:
        raise BadOrder(f"deployable type {name!r}: {error}") from None


def read(entry: Mapping[str, Json]) -> DeployableType:
    return recipes.checked_type(entry[BODY])
