"""Servers from OpenStack, by openstacksdk. Each site has a project of its own choosing in clouds.yaml."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openstack.config import OpenStackConfig
from openstack.exceptions import raise_from_response

from elastic.adapters.cloud.openstack.choices import Choices
from elastic.adapters.cloud.openstack.examine import examine, lacks
from elastic.adapters.cloud.openstack.extras import Extras
from elastic.adapters.cloud.openstack.gate import Gate
from elastic.adapters.cloud.openstack.listing import Listing
from elastic.adapters.cloud.openstack.marks import metadata_of, name_of, tags_of
from elastic.adapters.cloud.openstack.pace import Pace
from elastic.adapters.cloud.openstack.servers import server_of
from elastic.adapters.cloud.openstack.site import Site, connector
from elastic.adapters.cloud.place import CloudPlace
from elastic.errors import BadOrder, BadRequest, CloudUnavailable, NotAsked, ServerGone
from elastic.model.finding import Finding
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.recipe import Recipe
from elastic.model.server import Order, Server, ServerStatus
from elastic.ports.clock import Clock
from elastic.rules import userdata

LINES = 40  # of a console
PROMPT = 1.0  # seconds in which a create has to be ready to go: whoever waits for its outcome counts from its note
KINDS_OF_CALLS = 4
"""Each with `workers` threads: prepare, create, all others, and what users ask."""


class OpenStackCloud:
    """The cloud port over several sites."""

    needs_recipes = True

    def __init__(self, sites: Sequence[Site], clock: Clock) -> None:
        self._sites = {site.name: site for site in sites}
        self._extras = {site.name: Extras(site) for site in sites}
        self._listings = {site.name: Listing(site, clock) for site in sites}
        self._clock = clock

    @classmethod
    def at(cls, place: CloudPlace) -> "OpenStackCloud":
        """BadRequest if clouds.yaml lacks what the configuration names."""
        if not place.clouds:
            raise BadRequest("[cloud] clouds: has to name at least one cloud of clouds.yaml")
        config = _said_in(place.clouds_file)
        return cls([_site(name, config, place) for name in place.clouds], place.clock)

    def sites(self) -> Sequence[str]:
        return sorted(self._sites)

    def prepare(self, order: Order, timeout: float) -> tuple[Part, ...]:
        recipe, site = _recipe(order), self._site(order.site)
        with _as_ordered():
            with site.asked():
                site.choices.flavor(recipe.flavor_for(order.allocation))
                site.choices.image(recipe.image)
            return self._extras[order.site].make(order.mark, recipe, order.parts, timeout)

    def create(self, order: Order, timeout: float) -> Server:  # noqa: ARG002 - the site's own, for each request
        """What has to be known for it is looked up first: the request itself goes out at once, or not at all; and
        once only, whatever comes back: if its token is refused, it is not sent again with a new one."""
        recipe, site, begun = _recipe(order), self._site(order.site), self._clock.monotonic()
        with _as_ordered():
            with _nothing_sent():
                site.authenticate()
                with site.asked():
                    body = _body(order, recipe, site.choices)
                site.pace.take_place(PROMPT)
            if self._clock.monotonic() - begun > PROMPT:
                raise NotAsked("it took too long to get ready")
            with site.asked() as cloud, site.pace.in_place():
                answer = cloud.compute.post("/servers", json=body, allow_reauth=False)
                if answer.status_code == 401:
                    cloud.session.invalidate()
                raise_from_response(answer)
        server_id = answer.json()["server"]["id"]
        return Server(server_id=server_id, site=order.site, mark=order.mark, status=ServerStatus.BUILD)

    def delete(self, site: str, server_id: str, timeout: float) -> None:  # noqa: ARG002 - the site's own
        with self._site(site).asked() as cloud:
            raise_from_response(cloud.compute.delete(f"/servers/{server_id}"))

    def server(self, site: str, server_id: str, timeout: float) -> Server:  # noqa: ARG002 - the site's own
        with self._site(site).asked() as cloud:
            answer = cloud.compute.get(f"/servers/{server_id}")
            raise_from_response(answer)
        found = server_of(site, answer.json()["server"])
        if found is None:  # so a Nova tells of it that has lost touch with its cell: it lives, for all we know
            raise CloudUnavailable(f"the cloud does not say whose server {server_id} is")
        return found

    def console(self, site: str, server_id: str, timeout: float) -> str:  # noqa: ARG002 - the site's own
        """One that never reached a host has none."""
        with self._site(site).asked() as cloud:
            action = {"os-getConsoleOutput": {"length": LINES}}
            answer = cloud.compute.post(f"/servers/{server_id}/action", json=action)
            if answer.status_code in (404, 409):
                return ""
            raise_from_response(answer)
        return str(answer.json().get("output") or "")

    def servers(
        self,
        site: str,
        cluster: str,
        timeout: float,  # noqa: ARG002 - the site's own
        instance_id: str | None = None,
    ) -> Sequence[Server]:
        self._site(site)
        listing = self._listings[site]
        return listing.of_instance(cluster, instance_id) if instance_id else listing.whole(cluster)

    def lacks(self, site: str, recipe: Recipe, timeout: float) -> Sequence[str]:  # noqa: ARG002 - the site's own
        return lacks(self._site(site), recipe)

    def examine(self, site: str, timeout: float) -> Sequence[Finding]:  # noqa: ARG002 - the site's own
        return examine(self._site(site), self._clock)

    def parts(self, site: str, cluster: str, timeout: float) -> Sequence[FoundPart]:  # noqa: ARG002 - the site's own
        self._site(site)
        return self._extras[site].found(cluster)

    def release(self, site: str, part: Part, timeout: float) -> None:  # noqa: ARG002 - the site's own
        self._site(site)
        self._extras[site].release(part)

    def _site(self, name: str) -> Site:
        if name not in self._sites:
            raise BadOrder(f"there is no site {name!r}; there are {', '.join(self.sites())}")
        return self._sites[name]


def _said_in(file: str | None) -> OpenStackConfig:
    """What that clouds.yaml says, and nothing else; without one, what openstacksdk finds where it looks."""
    if not file:
        return OpenStackConfig()
    if not Path(file).is_file():
        raise BadRequest(f"[cloud] clouds_file: {file} is not a file")
    return OpenStackConfig(config_files=[file], load_envvars=False)  # else OS_CLIENT_CONFIG_FILE goes before it


def _site(name: str, config: OpenStackConfig, place: CloudPlace) -> Site:
    pace = Pace(place.clock, place.rate)

    def gate() -> Gate:
        return Gate(pace, place.timeout, pool_maxsize=KINDS_OF_CALLS * place.workers)

    return Site(name, connector(name, config, gate, place.timeout), place.clock, pace, place.timeout)


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Whatever goes wrong here, the create itself did not go out."""
    try:
        yield
    except CloudUnavailable as trouble:
        raise NotAsked(str(trouble), trouble.again) from trouble


@contextmanager
def _as_ordered() -> Iterator[None]:
    """Whatever is not found while something is made is the order's own fault."""
    try:
        yield
    except ServerGone as lack:
        raise BadOrder(str(lack)) from lack


def _recipe(order: Order) -> Recipe:
    if order.recipe is None:
        raise BadOrder(f"there is no deployable type {order.deployable_type!r}")
    return order.recipe


def _body(order: Order, recipe: Recipe, choices: Choices) -> dict[str, Any]:
    """What Nova is asked for."""
    image = choices.image(recipe.image)
    server: dict[str, Any] = {
        "name": name_of(order.mark),
        "imageRef": image,
        "flavorRef": choices.flavor(recipe.flavor_for(order.allocation)),
        "metadata": {**recipe.metadata, **metadata_of(order.mark)},
        "tags": tags_of(order.mark),
        "networks": [{"port": port} for port in _ids(order, PartKind.PORT)] or "none",
        "user_data": _user_data(order, recipe),
    }
    if recipe.key:
        server["key_name"] = recipe.key
    if recipe.availability_zone:
        server["availability_zone"] = recipe.availability_zone
    if volumes := _ids(order, PartKind.VOLUME):
        server["block_device_mapping_v2"] = _disks(image, volumes)
    body: dict[str, Any] = {"server": server}
    groups = _ids(order, PartKind.GROUP)
    if recipe.server_group:
        groups = [choices.server_group(recipe.server_group)]
    if groups:
        body["os:scheduler_hints"] = {"group": groups[0]}
    return body


def _user_data(order: Order, recipe: Recipe) -> str:
    try:
        text = userdata.render(recipe.user_data, order.variables, order.user_data)
    except BadRequest as error:
        raise BadOrder(str(error)) from None
    return base64.b64encode(text.encode()).decode()


def _disks(image: str, volumes: Sequence[str]) -> list[Mapping[str, Any]]:
    """The image's own disk, and the volumes, which outlive the server until we delete them."""
    system = {"uuid": image, "source_type": "image", "destination_type": "local", "boot_index": 0}
    others = [
        {"uuid": volume, "source_type": "volume", "destination_type": "volume", "boot_index": -1}
        for volume in volumes
    ]
    return [{**disk, "delete_on_termination": disk is system} for disk in (system, *others)]


def _ids(order: Order, kind: PartKind) -> list[str]:
    return [part.part_id for part in sorted(order.parts, key=lambda p: p.number) if part.kind is kind]
