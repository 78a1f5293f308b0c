"""[coordination]: who is there, who leads, and how the work is dealt out."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from oslo_config import cfg

from elastic.conf import kinds
from elastic.errors import BadRequest
from elastic.model.assignment import SLOTS

GROUP = cfg.OptGroup("coordination", help="Who is there, who leads, and how the work is dealt out.")
OPTIONS = [
    kinds.url(
        "backend_url",
        None,
        "Address of the tooz backend in which the replicas form a group. If it is not given it follows the "
        "store: the same ZooKeeper, or the directory `group` beside the SQLite file.",
        sample_default="<as [store] url>",
    ),
    kinds.seconds(
        "session_timeout",
        10,
        0.5,
        120,
        "A member that was not heard from for so long counts as dead, and a lock that was not kept for so long "
        "is free. The same for all replicas.",
        mutable=False,
    ),
    kinds.number(
        "partitions",
        256,
        1,
        SLOTS,
        "Number of partitions that the domains are dealt out in. Fixed when the cluster is made: a replica "
        "whose number differs from the stored one does not start.",
    ),
    kinds.seconds(
        "debounce",
        1,
        0,
        60,
        "After a member has come, wait so long for others to come before the work is dealt out anew.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordination:
    backend_url: str = field(repr=False)
    session_timeout: float
    partitions: int
    debounce: float


def backend_of(store_url: str) -> str:
    """The tooz backend that goes with a store: the same ZooKeeper, by the same address and credentials."""
    place = urlsplit(store_url)
    match place.scheme:
        case "zookeeper":
            return store_url
        case "sqlite":
            return f"file://{PurePosixPath('/', place.path.lstrip('/')).parent / 'group'}"
        case "memory":
            return "memory://"
    raise BadRequest(
        f"[store] url is none of zookeeper://, sqlite://// and memory://, but {place.scheme}://: for a store of "
        "another kind [coordination] backend_url has to be given"
    )
