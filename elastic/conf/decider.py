"""[decider]: how often domains are decided upon."""

from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("decider", help="Decides how many instances each domain should have.")
OPTIONS = [
    kinds.seconds("interval", 5, 0.1, 3600, "Time from one turn to the next."),
    kinds.seconds(
        "budget",
        5,
        0.1,
        300,
        "Longest time for one decision of an engine. One that overruns it is not asked again until it has "
        "come back, and nobody waits for it.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    interval: float
    budget: float
