"""[store]: where the cluster remembers."""

from dataclasses import dataclass, field

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("store", help="Where the cluster remembers.")
OPTIONS = [
    kinds.url(
        "url",
        "zookeeper://127.0.0.1:2181/elastic",
        "Address of the store: zookeeper://user:secret@host1,host2/chroot, or sqlite:////path/of/file for "
        "replicas on one host, or memory:// for tests.",
    ),
    cfg.BoolOpt(
        "insecure",
        default=False,
        help="Use a ZooKeeper without authentication: whoever reaches it may then read and change everything.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    url: str = field(repr=False)
    insecure: bool
