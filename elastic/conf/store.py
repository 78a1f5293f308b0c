"""[store]: where the cluster remembers."""

from dataclasses import dataclass, field

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("store", help="Where the cluster remembers.")
OPTIONS = [
    kinds.url(
        "url",
        "zookeeper://127.0.0.1:2181/elastic",
        "Address of the store: zookeeper://user:secret@host1:2181,host2:2181/chroot, or "
        "sqlite:////path/of/file for replicas on one host, or memory:// for tests. With "
        "?ca_file=/path (and &cert_file=/path&key_file=/path) behind it, ZooKeeper is spoken to by TLS, and its "
        "certificates have to be that authority's, for the hosts as they are named here. What is no letter or "
        "digit in user and secret is written as %XX.",
    ),
    cfg.BoolOpt(
        "insecure",
        default=False,
        help="Use a ZooKeeper without credentials: whoever reaches it may then read and change everything. "
        "With credentials this has no effect: a tree that others may change is refused in any case.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    url: str = field(repr=False)
    insecure: bool
