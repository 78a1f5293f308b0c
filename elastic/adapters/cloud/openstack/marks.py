"""Our mark, as OpenStack carries it.

A server: in its metadata, whole; in tags, by which it is selected (a filter by metadata silently finds nothing);
in its name, for people. Everything else has a name and a description only: the name is the instance's, the
description says whose, and both can be asked for exactly."""

import hashlib
from collections.abc import Mapping

from elastic.model.domain import DomainKey
from elastic.model.server import Mark

CLUSTER, OWNER, DOMAIN = "elastic:cluster", "elastic:owner", "elastic:domain"
INCARNATION, INSTANCE = "elastic:incarnation", "elastic:instance"


LONGEST_TAG = 60
"""Characters, Nova's own bound."""


def name_of(mark: Mark) -> str:
    """What people see: whose cluster, by the beginning of its uid, which domain and which instance."""
    return f"elastic-{mark.cluster[:8]}-{mark.key.name}-{mark.instance_id}"


def cluster_tag(cluster: str) -> str:
    return f"elastic:{cluster}"


def domain_tag(key: DomainKey) -> str:
    """For people to select by; of a key that is too long, its hash."""
    tag = f"elastic:domain:{key.owner}:{key.name}"
    if len(tag) <= LONGEST_TAG:
        return tag
    return f"elastic:domain:{hashlib.sha256(tag.encode()).hexdigest()[:40]}"


def tags_of(mark: Mark) -> list[str]:
    return [cluster_tag(mark.cluster), domain_tag(mark.key), mark.instance_id]


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
