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
    kinds.url(
        "vm_url",
        None,
        "The same as VMs are given it: with an account that may write heartbeats and nothing else, and with "
        "paths of files as they are in the VM. If it is not given they get `url`; the cloud openstack demands it.",
        sample_default="<as url>",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    url: str = field(repr=False)
    vm_url: str | None = field(repr=False)
