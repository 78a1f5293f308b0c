"""[cloud]: where servers come from."""

from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("cloud", help="Where servers come from.")
OPTIONS = [
    cfg.StrOpt(
        "driver",
        default="openstack",
        help="What kind of cloud the servers come from: `openstack`, the clouds named in `clouds`; `local`, where "
        "every server is a process on this host; `simulated`, inside one process, for tests; or the name of an "
        "entry point in `elastic.clouds` that another package brings.",
    ),
    cfg.ListOpt(
        "clouds",
        default=[],
        help="Names of clouds in clouds.yaml, with commas between them; each is a site. For the driver openstack.",
    ),
    cfg.StrOpt(
        "clouds_file",
        help="Path of the clouds.yaml to read; OS_* of the environment do not count then. By default openstacksdk "
        "looks for it: OS_CLIENT_CONFIG_FILE, the working directory, ~/.config/openstack, /etc/openstack.",
    ),
    cfg.FloatOpt(
        "requests_per_second",
        default=0.0,
        min=0,
        max=1000,
        help="How many requests a second one replica sends to one site at most; 0 for any number. For the driver "
        "openstack.",
    ),
    kinds.number(
        "launches_per_minute",
        0,
        0,
        100_000,
        "How many servers the cluster asks one site for in a minute at most, its replicas together; 0 for any "
        "number.",
    ),
    cfg.DictOpt(
        "options",
        default={},
        help="What a driver of another package wants to know: key:value, with commas between them.",
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
    kinds.seconds(
        "timeout",
        20,
        1,
        60,
        "Longest time for one call of the cloud. None is tried again by itself. The driver openstack keeps the "
        "one that it was started with.",
    ),
    kinds.number(
        "workers",
        4,
        1,
        64,
        "Number of calls of one kind that one replica has under way at one site at a time: preparing, creating, "
        "and all others, none of which waits for another kind.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    driver: str
    clouds: list[str]
    clouds_file: str | None
    requests_per_second: float
    launches_per_minute: int
    options: dict[str, str]
    local_dir: str
    settle: float
    timeout: float
    workers: int
