"""Our mark, as OpenStack carries it.

A server: in its metadata, whole; in two tags, by which it is selected (a filter by metadata silently finds
nothing); in its name, for people. Everything else has a name and a description only: the name is the
instance's, the description says whose, and both can be asked for exactly."""

from collections.abc import Mapping

from elastic.model.domain import DomainKey
from elastic.model.server import Mark

CLUSTER, OWNER, DOMAIN = "elastic:cluster", "elastic:owner", "elastic:domain"
INCARNATION, INSTANCE = "elastic:incarnation", "elastic:instance"


def name_of(mark: Mark) -> str:
    """What people see; unique in the cluster by its end, the instance id."""
    return f"elastic-{mark.key.name}-{mark.instance_id}"


def cluster_tag(cluster: str) -> str:
    return f"elastic:{cluster}"


def tags_of(mark: Mark) -> list[str]:
    return [cluster_tag(mark.cluster), mark.instance_id]


def metadata_of(mark: Mark) -> dict[str, str]:
    return {
        CLUSTER: mark.cluster,
        OWNER: mark.key.owner,
        DOMAIN: mark.key.name,
        INCARNATION: str(mark.incarnation),
        INSTANCE: mark.instance_id,
    }


def mark_in(metadata: Mapping[str, str]) -> Mark | None:
    """None if it is no mark, or not a whole one."""
    try:
        key = DomainKey(metadata[OWNER], metadata[DOMAIN])
        return Mark(metadata[CLUSTER], key, int(metadata[INCARNATION]), metadata[INSTANCE])
    except (KeyError, ValueError):
        return None
