"""Whether a cloud could boot what a domain's engine may ask for, and its sensor be asked: said at once, and not by
a launch that fails."""

from collections.abc import Iterable, Mapping

from elastic.errors import BadRequest, NotFound
from elastic.model.actions import Place
from elastic.model.domain import Json
from elastic.roles import recipes
from elastic.roles.reactor.desk import Desk
from elastic.rules.policy import engine_named
from elastic.rules.recipes import recipe, variables
from elastic.rules.sensing import HEARTBEAT, Monitored, sensor_named


def refuse_unlaunchable(desk: Desk, owner: str, config: Mapping[str, Mapping[str, Json]]) -> None:
    """Raise BadRequest that names the key with an unknown site or type, or a variable that is not given."""
    if not desk.cloud.needs_recipes:
        return
    given = config["engine_conf"].get("provisioner_vars") or {}
    for place in _places(desk, config):
        sites = desk.cloud.sites()
        if place.site not in sites:
            raise BadRequest(f"{place.site_key}: there is no site {place.site!r}; there are {', '.join(sites)}")
        try:
            kind = recipes.read(recipes.find(desk.store, owner, place.deployable_type)[1])
            said = recipe(kind, place.site)
            variables(kind, given)
        except (NotFound, BadRequest) as error:
            raise BadRequest(f"{place.type_key}: {error}") from None
        wanted = config["engine_conf"].get(place.allocation_key.rpartition(".")[2])
        if wanted is not None and wanted not in said.allocations:
            known = ", ".join(sorted(said.allocations)) or "none"
            raise BadRequest(f"{place.allocation_key}: type {place.deployable_type!r} has {known}, not {wanted!r}")


def refuse_blind(desk: Desk, engine_conf: Mapping[str, Json]) -> None:
    """Raise BadRequest that names the key, if it names a sensor that is none, or is asked wrongly."""
    monitored = Monitored.read(engine_conf)
    if monitored.kind != HEARTBEAT:
        sensor_named(monitored.kind, desk.sensors).configured(engine_conf, desk.gate)


def _places(desk: Desk, config: Mapping[str, Mapping[str, Json]]) -> Iterable[Place]:
    """Engines of other packages may not say."""
    engine = engine_named(config["general"].get("engine"), desk.engines)
    places: Iterable[Place] = getattr(engine.configured(config["engine_conf"]), "places", ())
    return places
