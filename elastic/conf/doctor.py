"""[doctor]: how often instances are looked at."""

from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("doctor", help="Tells from heartbeats, and from the cloud, which instances are ill.")
OPTIONS = [
    kinds.seconds("interval", 10, 0.1, 3600, "Time from one turn to the next."),
    kinds.seconds(
        "probe",
        5,
        0.1,
        60,
        "Time between the messages that a replica sends to its own partitions. Silence of instances counts "
        "only while these come back.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    interval: float
    probe: float
