"""[DEFAULT]: which cluster, which member, and where its files are."""

import re
import socket
from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = None  # oslo.config's way to say DEFAULT
OPTIONS = [
    kinds.name(
        "cluster",
        default="elastic",
        help="Name of the cluster. Replicas of one cluster share it; it is part of the names of exchanges, "
        "queues and groups. Two clusters on one broker need two names.",
    ),
    kinds.name(
        "member",
        sample_default="<name of the host>",
        help="Name of this replica, unique in the cluster and the same after a restart. "
        "If it is not given, the name of the host.",
    ),
    cfg.StrOpt(
        "secret_file",
        default="/etc/elastic/secret",
        help="File with the secret of the cluster: 64 hexadecimal digits, the same for all replicas, readable "
        "by their user alone. The key of each VM is derived from it.",
    ),
    cfg.StrOpt(
        "state_dir",
        default="/var/lib/elastic",
        help="Directory for what a replica has to find again after a restart of the host.",
    ),
    cfg.StrOpt(
        "run_dir",
        default="/run/elastic",
        help="Directory for process ids, signs of life and file locks. Replicas on one host may share it.",
    ),
    kinds.seconds(
        "resync",
        600,
        10,
        86400,
        "How long it may take until each domain has been looked at again although nothing is known to have "
        "changed. The visits are spread over it.",
    ),
    cfg.StrOpt(
        "initial_definitions",
        default="",
        help="Definitions to load at start: a YAML or JSON file, or the mapping itself, "
        "{NAME: {general: ..., engine_conf: ..., health: ...}}. One that is there already is left as it is.",
    ),
    cfg.StrOpt(
        "initial_domains",
        default="",
        help="Domains to load at start: a YAML or JSON file, or the mapping itself, "
        "{NAME: {definition: NAME, owner: NAME, config: {...}}}. One that is there already is left as it is.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    cluster: str
    member: str
    secret_file: str
    state_dir: str
    run_dir: str
    resync: float
    initial_definitions: str
    initial_domains: str


def name_of_host() -> str:
    """The host's name as far as it may be used as a member's."""
    return re.sub(r"[^A-Za-z0-9_.@-]", "-", socket.gethostname())[:128].strip(".") or "replica"
