"""[metrics]: what Prometheus, and whoever asks after our health, may read."""

from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("metrics", help="Metrics for Prometheus at /metrics, and health at /healthz, by HTTP.")
OPTIONS = [
    cfg.StrOpt(
        "listen",
        default="off",
        regex=kinds.LISTEN_PATTERN,
        help="Where to listen: HOST:PORT, or :PORT for this host alone, or off. Port 0 takes a free one, "
        "which the log names. Replicas on one host need a port each.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    listen: str
