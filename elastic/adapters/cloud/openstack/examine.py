"""How it is with a site: all that a launch there stands on, looked into one by one."""

from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import raise_from_response

from elastic.adapters.cloud.openstack.site import MICROVERSION, Site, spoken
from elastic.errors import BadOrder, CloudRefused, CloudUnavailable, ServerGone
from elastic.model.finding import Finding
from elastic.model.recipe import Recipe
from elastic.ports.clock import Clock

MOST_SKEW = 60.0  # seconds
FEW = 0.1  # of a quota
TROUBLE = (CloudRefused, CloudUnavailable, ServerGone)


def examine(site: Site, clock: Clock) -> list[Finding]:
    """Each in turn; after the first that nothing works without, the rest is left out."""
    found = [_finding("credentials", lambda: _credentials(site))]
    if found[0].is_well:
        found.append(_finding("compute", lambda: _compute(site)))
    if found[-1].is_well:
        found.append(_finding("clock", lambda: _clock(site, clock)))
        found += _quota(site)
        found += [_finding(name, _service(site, name)) for name in ("image", "network")]
        found.append(Finding("volumes", True, _volumes(site)))
    return found


def lacks(site: Site, recipe: Recipe) -> list[str]:
    """What the recipe names and the site has not got, a line each."""
    return list(_lacks(site, recipe))


def _lacks(site: Site, recipe: Recipe) -> Iterator[str]:
    choices = site.choices
    wanted: list[tuple[Callable[[Any], str], Any]] = [
        (choices.flavor, recipe.flavor),
        (choices.image, recipe.image),
    ]
    wanted += [(choices.flavor, flavor) for flavor in recipe.allocations.values()]
    wanted += [(choices.network, network) for network in recipe.networks]
    wanted += [(choices.security_group, group) for group in recipe.security_groups]
    wanted += [(choices.network, recipe.floating_ip)] if recipe.floating_ip else []
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
    if recipe.volumes and not site.has_volumes():
        yield f"volumes: site {site.name} has no block storage"


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
    with site.asked() as cloud:
        session = cloud.session
        access = session.auth.get_access(session)
        text = f"accepted, project {access.project_name or access.project_id}"
        if "admin" in access.role_names:
            text += (
                "; it has the role admin, which is more than we need: use an application credential of a member"
            )
        return text


def _compute(site: Site) -> str:
    with site.asked() as cloud:
        said, is_ours = spoken(cloud)
    if not is_ours:
        raise _Wrong(f"it speaks the microversions {said}, and we need {MICROVERSION}")
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


def _quota(site: Site) -> list[Finding]:
    try:
        with site.asked() as cloud:
            answer = cloud.compute.get("/limits")
            raise_from_response(answer)
    except TROUBLE as trouble:
        return [Finding("quota", False, str(trouble))]
    limits: Mapping[str, int] = answer.json()["limits"]["absolute"]
    named = {"instances": "Instances", "cores": "Cores", "MiB of memory": "RAM"}
    return [_left(what, limits, key) for what, key in named.items()]


def _left(what: str, limits: Mapping[str, int], key: str) -> Finding:
    most = limits.get("maxTotalRAMSize" if key == "RAM" else f"maxTotal{key}", -1)
    used = limits.get(f"total{key}Used", 0)
    if most < 0:
        return Finding("quota", True, f"{what}: {used} in use, no limit")
    return Finding("quota", most - used > most * FEW, f"{what}: {used} of {most} in use")


def _service(site: Site, name: str) -> Callable[[], str]:
    paths = {"image": "/images", "network": "/networks"}

    def look() -> str:
        with site.asked() as cloud:
            answer = getattr(cloud, name).get(paths[name], params={"limit": "1"})
            raise_from_response(answer)
        return "answers"

    return look


def _volumes(site: Site) -> str:
    return "block storage is there" if site.has_volumes() else "no block storage: none can be had"


def _has_key(site: Site, name: str) -> bool:
    with site.asked() as cloud:
        return cloud.compute.find_keypair(name) is not None


def _zones(site: Site) -> list[str]:
    with site.asked() as cloud:
        return sorted(zone.name for zone in _available(cloud))


def _available(cloud: Connection) -> list[Any]:
    return [zone for zone in cloud.compute.availability_zones() if zone.state.get("available", True)]
