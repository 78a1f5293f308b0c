"""What the clouds have in common that know neither deployable types nor parts."""

from collections.abc import Sequence

from elastic.model.finding import Finding
from elastic.model.parts import FoundPart, Part
from elastic.model.recipe import Recipe
from elastic.model.server import Order


class BareCloud:
    """Boots whatever it is asked for, with nothing beside it."""

    needs_recipes = False

    def prepare(self, order: Order, timeout: float) -> tuple[Part, ...]:  # noqa: ARG002
        return ()

    def lacks(self, site: str, recipe: Recipe, timeout: float) -> Sequence[str]:  # noqa: ARG002
        return ()

    def examine(self, site: str, timeout: float) -> Sequence[Finding]:  # noqa: ARG002
        return [Finding("site", True, f"{site} boots whatever it is asked for")]

    def console(self, site: str, server_id: str, timeout: float) -> str:  # noqa: ARG002
        return ""

    def parts(self, site: str, cluster: str, timeout: float) -> Sequence[FoundPart]:  # noqa: ARG002
        return ()

    def release(self, site: str, part: Part, timeout: float) -> None:
        """There are none."""
