"""[cloud]: where servers come from."""

from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("cloud", help="Where servers come from.")
OPTIONS = [
    cfg.StrOpt(
        "driver",
        default="openstack",
        choices=[
            ("openstack", "the clouds named in `clouds`"),
            ("local", "every server is a process on this host"),
            ("simulated", "inside one process, for tests"),
        ],
        help="What kind of cloud the servers come from.",
    ),
    cfg.ListOpt(
        "clouds",
        default=[],
        help="Names of clouds in clouds.yaml, with commas between them; each is a site. For the driver openstack.",
    ),
    cfg.StrOpt(
        "local_dir",
        default="/var/lib/elastic/cloud",
        help="Directory of the driver local. All replicas on the host share it.",
    ),
    kinds.seconds(
        "settle",
        30,
        0,
        30,
        "How long after a call a server may still come to light. Whoever finds a call whose outcome is not "
        "known waits so long, and looks again before it acts. Too short costs a server too many for a moment; "
        "local clouds do with 2.",
    ),
    kinds.seconds("timeout", 20, 1, 60, "Longest time for one call of the cloud. None is tried again by itself."),
    kinds.number("workers", 4, 1, 64, "Number of calls that one replica has under way at one site at a time."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    driver: str
    clouds: list[str]
    local_dir: str
    settle: float
    timeout: float
    workers: int
