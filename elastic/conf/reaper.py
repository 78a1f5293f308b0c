"""[reaper]: when what is over is forgotten, and strays are swept."""

from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("reaper", help="Forgets what is long over, and sweeps servers that nobody wants.")
OPTIONS = [
    kinds.seconds("interval", 300, 1, 86400, "Time from one turn to the next."),
    kinds.seconds(
        "record_max_age", 7200, 0, 30 * 86400, "How long the record of an instance is kept after its end."
    ),
    kinds.seconds(
        "grace",
        60,
        0,
        86400,
        "A server that has no place in the store is deleted only if it is seen again so long after.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaper:
    interval: float
    record_max_age: float
    grace: float
