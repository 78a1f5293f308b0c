"""[rpc]: who may ask for what."""

from dataclasses import dataclass

from oslo_config import cfg, types

from elastic.conf import kinds

GROUP = cfg.OptGroup("rpc", help="Who may ask for what.")
OPTIONS = [
    cfg.ListOpt(
        "operators",
        item_type=types.String(regex=kinds.NAME_PATTERN, type_name="name"),
        default=[],
        mutable=True,
        help="Callers, by the names that the broker knows them by, who may act on every owner's things. "
        "In an embedded cluster everyone is one.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    operators: list[str]
