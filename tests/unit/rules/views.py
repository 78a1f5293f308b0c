"""Short ways to say: a record, a domain, a view of it."""

from collections.abc import Iterable
from typing import Any

from elastic.model.domain import Domain, DomainKey
from elastic.model.instance import Instance
from elastic.model.states import Health
from elastic.model.view import Standing, View
from tests.unit.asking import STATES

WEB = DomainKey("ann", "web")


def record(name: str, state: int = 600, health: str = "OK", **rest: Any) -> Instance:
    """`state` by its number; RUNNING and well unless said."""
    given = {"site": "north", "deployable_type": "t", "version": 1, **rest}
    return Instance(instance_id=name, state=STATES[str(state)], health=Health(health), **given)


def view(instances: Iterable[Instance] = (), standing: Standing | None = None, **of_domain: Any) -> View:
    domain = Domain(key=WEB, **{"incarnation": 1, "revision": 1, **of_domain})
    return View(domain=domain, instances=tuple(instances), standing=standing or Standing())
