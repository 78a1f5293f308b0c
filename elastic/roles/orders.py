"""Orders: what to boot for an instance, and what the agent inside has to know."""

from collections.abc import Callable, Mapping
from typing import Any

from elastic.model.domain import Domain, Json
from elastic.model.instance import Instance
from elastic.model.recipe import Recipe
from elastic.model.server import Mark, Order
from elastic.ports.store import Store
from elastic.roles import recipes
from elastic.rules.inside import of_the_agent
from elastic.rules.ring import slot_of


class Orders:
    """`node`: what every agent has to know of the bus; `key_of`: an instance's own key."""

    def __init__(self, store: Store, cluster: str, node: Mapping[str, Any], key_of: Callable[[str], str]) -> None:
        self._store, self._cluster, self._node, self._key_of = store, cluster, node, key_of

    def order(self, domain: Domain, instance: Instance) -> Order:
        """(The agent's key is in there: never log it.)"""
        given = dict(domain.engine_conf.get("provisioner_vars") or {})
        if domain.general.get("chef_credential"):
            given["chef_credential"] = domain.general["chef_credential"]
        own = {
            "instance_id": instance.instance_id,
            "owner": domain.key.owner,
            "domain": domain.key.name,
            "slot": slot_of(domain.key),
            "cluster": self._cluster,
            "key": self._key_of(instance.instance_id),
            "interval": domain.health_policy.interval,
            **of_the_agent(given),
        }
        uid = self._store.layout().uid
        return Order(
            mark=Mark(uid, domain.key, domain.incarnation, instance.instance_id),
            site=instance.site,
            deployable_type=instance.deployable_type,
            allocation=instance.allocation,
            vars={**given, **instance.extravars},
            user_data={**self._node, **own},
        )

    def recipe(self, order: Order) -> tuple[Recipe, Mapping[str, Json]]:
        """What its type says for its site, and the variables of its user data. BadOrder says why not. Blocks."""
        key = order.mark.key
        own = {
            "elastic_instance_id": order.mark.instance_id,
            "elastic_owner": key.owner,
            "elastic_domain": key.name,
            "elastic_site": order.site,
        }
        recipe, variables = recipes.recipe(self._store, key.owner, order.deployable_type, order.site, order.vars)
        return recipe, {**variables, **own}
