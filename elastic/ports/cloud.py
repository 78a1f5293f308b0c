"""Where servers come from. Calls block for at most `timeout` seconds and are never retried below.

Errors: CloudRefused (NoRoom, BadOrder) means that nothing was done, and NotAsked too; any other CloudUnavailable
that we do not know.
"""

from collections.abc import Sequence
from typing import Protocol

from elastic.model.finding import Finding
from elastic.model.parts import FoundPart, Part
from elastic.model.recipe import Recipe
from elastic.model.server import Order, Server


class Cloud(Protocol):
    @property
    def needs_recipes(self) -> bool:
        """It boots what a deployable type says, so types, and the sites in them, have to be known. Else it boots
        whatever it is asked for, anywhere, and makes no parts."""

    def sites(self) -> Sequence[str]:
        """The sites that may hold servers of ours: each is listed by the survey and the sweep. Never blocks: they
        are known by configuration, or from what was read before."""

    def prepare(self, order: Order, timeout: float) -> tuple[Part, ...]:
        """See to it that all parts are there that `order.recipe` asks for, and that it can be had at all. Of
        several that would do, those in the order are kept. Asked twice it finds what it made, unless that is
        not shown yet. NotReady: it is to be asked again, until all is."""

    def create(self, order: Order, timeout: float) -> Server:
        """Ask for one server, with the parts in the order. Asked twice, there are two: look for the mark first."""

    def delete(self, site: str, server_id: str, timeout: float) -> None:
        """Ask for its end; ServerGone if there is none such."""

    def server(self, site: str, server_id: str, timeout: float) -> Server:
        """ServerGone if the cloud says 404; one in status DELETED is returned as such."""

    def console(self, site: str, server_id: str, timeout: float) -> str:
        """The end of what it wrote to its console; "" where there is none to be had."""

    def servers(self, site: str, cluster: str, timeout: float, instance_id: str | None = None) -> Sequence[Server]:
        """Those of the site that carry `cluster` in their mark (and `instance_id`, if given).

        No snapshot: one made a moment ago may be absent. Presence is evidence, absence is not.
        """

    def lacks(self, site: str, recipe: Recipe, timeout: float) -> Sequence[str]:
        """What the recipe names that cannot be had there, a line each."""

    def examine(self, site: str, timeout: float) -> Sequence[Finding]:
        """How it is with the site: each thing that a launch there stands on. Never raises for what is wrong."""

    def parts(self, site: str, cluster: str, timeout: float) -> Sequence[FoundPart]:
        """Those of the site that carry `cluster` in their name. No snapshot either."""

    def release(self, site: str, part: Part, timeout: float) -> None:
        """Ask for a part's end; one that is gone, or a group that still has servers in it, is well."""
