"""[sensors]: where domains may have numbers asked for."""

from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("sensors", help="Asks for the numbers that policies go by.")
OPTIONS: list[Any] = [
    cfg.ListOpt(
        "allow",
        default=[],
        help="Addresses that domains may have asked, with all that lies below them, such as"
        " http://prometheus.example:9090; * for all. Whoever may add a domain can have every agent send a GET to"
        " these; without any, only heartbeats and constants bring numbers.",
    ),
    kinds.seconds("timeout", 5, 0.1, 60, "How long a source may take to answer.", mutable=False),
    kinds.seconds("interval", 15, 1, 3600, "Time from one question about a domain to the next.", mutable=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensors:
    allow: tuple[str, ...]
    timeout: float
    interval: float
