"""[bus]: how messages travel."""

from dataclasses import dataclass, field

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup("bus", help="How messages travel.")
OPTIONS = [
    kinds.url(
        "url",
        "amqp://127.0.0.1:5672//",
        "Address of the broker, as kombu writes it: amqp://user:secret@host/vhost, several with ; between "
        "them, or sqlite+elastic:////path/of/file for replicas on one host.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    url: str = field(repr=False)
