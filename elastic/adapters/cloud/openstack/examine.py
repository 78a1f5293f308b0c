"""How it is with a site: all that a launch there stands on, looked into one by one."""

from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException, raise_from_response

from elastic.adapters.cloud.openstack.site import MICROVERSION, Site, spoken
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, ServerGone
from elastic.model.finding import Finding
from elastic.model.recipe import Recipe
from elastic.ports.clock import Clock

MOST_SKEW = 60.0  # seconds
FEW = 0.1  # of a quota
UNKNOWN = (403, 404)  # how a Neutron answers that has not got it, or does not let members ask
TROUBLE = (CloudRefused, CloudUnavailable, ServerGone)


def examine(site: Site, clock: Clock) -> list[Finding]:
    """Each in turn; after the first that nothing works without, the rest is left out."""
    found = [_finding("credentials", lambda: _credentials(site))]
    if found[0].is_well:
        found.append(_finding("compute", lambda: _compute(site)))
    if found[-1].is_well:
        found.append(_finding("clock", lambda: _clock(site, clock)))
        found += [_finding(name, _service(site, name)) for name in ("image", "network")]
        found += _quotas(site)
    return found


def lacks(site: Site, recipe: Recipe) -> list[str]:
    """What the recipe names and the site has not got, a line each."""
    return list(_lacks(site, recipe))


def _lacks(site: Site, recipe: Recipe) -> Iterator[str]:
    choices = site.choices
    wanted: list[tuple[Callable[[Any], object], Any]] = [
        (choices.flavor, recipe.flavor),
        (choices.image, recipe.image),
    ]
    wanted += [(choices.flavor, flavor) for flavor in recipe.allocations.values()]
    wanted += [(choices.network, network) for network in recipe.networks]
    wanted += [(choices.security_group, group) for group in recipe.security_groups]
    wanted += [(partial(_external, site), recipe.floating_ip)] if recipe.floating_ip else []
    wanted += [(choices.server_group, recipe.server_group)] if recipe.server_group else []
    for choose, name in wanted:
        try:
            with site.asked():
                choose(name)
        except (BadOrder, ServerGone) as lack:
            yield str(lack)
    if recipe.key and not _has_key(site, recipe.key):
        yield f"key {recipe.key!r}: there is none such at site {site.name}"
    if recipe.availability_zone and recipe.availability_zone not in (zones := _zones(site)):
        yield f"availability_zone {recipe.availability_zone!r}: there are {', '.join(zones)}"
    if recipe.volumes:
        yield from _volume_lacks(site, recipe)


def _finding(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except TROUBLE as trouble:
        return Finding(what, False, str(trouble))
    except _Wrong as wrong:
        return Finding(what, False, str(wrong))


class _Wrong(Exception):
    """It answers, and what it says will not do."""


def _credentials(site: Site) -> str:
    """By a new token: the one that all calls share may be older than what became of the account."""
    with site.bare() as cloud:
        access = cloud.session.auth.get_auth_ref(cloud.session)
    text = f"accepted, project {access.project_name or access.project_id}"
    if "admin" in access.role_names:
        text += "; it has the role admin, which is more than we need: use an application credential of a member"
    return text


def _compute(site: Site) -> str:
    """Tried, and not only promised by the version."""
    with site.asked() as cloud:
        said, _ = spoken(cloud)
        raise_from_response(cloud.compute.get("/servers", params={"limit": "1", "tags": "elastic:check"}))
    return f"microversion {MICROVERSION}, of {said}: servers can be tagged"


def _clock(site: Site, clock: Clock) -> str:
    with site.asked() as cloud:
        answer = cloud.compute.get("/servers", params={"limit": "1"})
        raise_from_response(answer)
    said = answer.headers.get("Date")
    if said is None:
        return "it does not say what time it is"
    skew = parsedate_to_datetime(said).timestamp() - clock.now()
    if abs(skew) > MOST_SKEW:
        raise _Wrong(f"it is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this host")
    return f"within {max(1.0, abs(skew)):.0f} s of this host's"


def _quotas(site: Site) -> Iterator[Finding]:
    """What is left, of each that a launch may need."""
    for read in (_compute_quota, _network_quota, _volume_quota):
        try:
            with site.asked() as cloud:
                yield from [_left(*quota) for quota in read(site, cloud)]
        except TROUBLE as trouble:
            yield Finding("quota", False, str(trouble))


_Quota = tuple[str, int, int]
"""Of what, how many are in use, and how many there may be (-1: as many as one likes)."""


def _compute_quota(_site: Site, cloud: Connection) -> Iterator[_Quota]:
    answer = cloud.compute.get("/limits")
    raise_from_response(answer)
    said: Mapping[str, int] = answer.json()["limits"]["absolute"]
    yield "instances", said.get("totalInstancesUsed", 0), said.get("maxTotalInstances", -1)
    yield "cores", said.get("totalCoresUsed", 0), said.get("maxTotalCores", -1)
    yield "MiB of memory", said.get("totalRAMUsed", 0), said.get("maxTotalRAMSize", -1)


def _network_quota(_site: Site, cloud: Connection) -> Iterator[_Quota]:
    """A Neutron that does not tell what is in use says nothing here."""
    answer = cloud.network.get(f"/quotas/{cloud.current_project_id}/details.json")
    if answer.status_code in UNKNOWN:
        return
    raise_from_response(answer)
    said: Mapping[str, Mapping[str, int]] = answer.json()["quota"]
    for name, key in (("ports", "port"), ("floating IPs", "floatingip")):
        if key in said:
            yield name, int(said[key]["used"]), int(said[key]["limit"])


def _volume_quota(site: Site, cloud: Connection) -> Iterator[_Quota]:
    if not site.has_volumes():
        return
    answer = cloud.block_storage.get("/limits")
    raise_from_response(answer)
    said: Mapping[str, int] = answer.json()["limits"]["absolute"]
    yield "volumes", said.get("totalVolumesUsed", 0), said.get("maxTotalVolumes", -1)
    yield "GiB of volumes", said.get("totalGigabytesUsed", 0), said.get("maxTotalVolumeGigabytes", -1)


def _left(what: str, used: int, most: int) -> Finding:
    if most < 0:
        return Finding("quota", True, f"{what}: {used} in use, no limit")
    return Finding("quota", most - used > most * FEW, f"{what}: {most - used} of {most} left")


def _service(site: Site, name: str) -> Callable[[], str]:
    paths = {"image": "/images", "network": "/networks"}

    def look() -> str:
        with site.asked() as cloud:
            answer = getattr(cloud, name).get(paths[name], params={"limit": "1"})
            raise_from_response(answer)
        return "answers"

    return look


def _has_key(site: Site, name: str) -> bool:
    with site.asked() as cloud:
        try:
            cloud.compute.find_keypair(name, ignore_missing=False)
        except NotFoundException:  # the SDK's own, of no status
            return False
    return True


def _external(site: Site, name: str) -> None:
    with site.asked() as cloud:
        if not cloud.network.get_network(site.choices.network(name)).is_router_external:
            raise BadOrder(f"floating_ip: network {name!r} of site {site.name} is not an external one")


def _volume_lacks(site: Site, recipe: Recipe) -> Iterator[str]:
    if not site.has_volumes():
        yield f"volumes: site {site.name} has no block storage"
        return
    with site.asked() as cloud:
        known = {name for kind in cloud.block_storage.types() for name in (kind.id, kind.name)}
    for kind in dict.fromkeys(volume.type for volume in recipe.volumes):
        if kind and kind not in known:
            yield f"volume type {kind!r}: there is none such at site {site.name}"


def _zones(site: Site) -> list[str]:
    with site.asked() as cloud:
        return sorted(zone.name for zone in _available(cloud))


def _available(cloud: Connection) -> list[Any]:
    return [zone for zone in cloud.compute.availability_zones() if zone.state.get("available", True)]
