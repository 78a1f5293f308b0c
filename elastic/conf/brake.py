"""[brake]: when not to believe that so many went missing at once."""

from dataclasses import dataclass

from oslo_config import cfg

from elastic.conf import kinds

GROUP = cfg.OptGroup(
    "brake",
    help="If too many instances fall silent at once, it is more likely that we are deaf than that they are dead. "
    "The brake then holds back replacements; what the cloud itself calls gone is replaced all the same.",
)
OPTIONS = [
    kinds.share(
        "unhealthy_share", 0.3, "The brake engages if more than this part of a domain, or of a site, went missing."
    ),
    kinds.number(
        "unhealthy_min",
        3,
        1,
        100000,
        "Number of instances of a domain that have to be missing for the brake of the domain to engage.",
        mutable=True,
    ),
    kinds.number(
        "site_min",
        5,
        1,
        100000,
        "Number of instances at a site that have to be missing for the brake of the site to engage.",
        mutable=True,
    ),
    kinds.seconds("trickle", 300, 1, 86400, "While the brake is on, a domain gets one replacement in this time."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    unhealthy_share: float
    unhealthy_min: int
    site_min: int
    trickle: float
