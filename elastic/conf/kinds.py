"""The kinds of option that oslo.config has no type for."""

from typing import Any

from oslo_config import cfg

from elastic.model.names import NAME, RESERVED

_RESERVED = "|".join(name.replace(".", r"\.") for name in sorted(RESERVED))
NAME_PATTERN = rf"^(?!({_RESERVED})$){NAME.pattern}$"
URL_PATTERN = r"^[A-Za-z][A-Za-z0-9+.-]*://"
LISTEN_PATTERN = r"^(off|((\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]*):)?[0-9]{1,5})$"


def seconds(name: str, default: float, low: float, high: float, help: str, mutable: bool = True) -> cfg.Opt:
    """A length of time. `help` gets its unit here."""
    text = f"{help} In seconds."
    return cfg.FloatOpt(name, default=default, min=low, max=high, mutable=mutable, help=text)


def number(name: str, default: int, low: int, high: int, help: str, mutable: bool = False) -> cfg.Opt:
    """A count. `help` says of what."""
    return cfg.IntOpt(name, default=default, min=low, max=high, mutable=mutable, help=help)


def share(name: str, default: float, help: str) -> cfg.Opt:
    """A part of a whole. `help` gets its unit here."""
    text = f"{help} A share: 0 is none, 1 is all."
    return cfg.FloatOpt(name, default=default, min=0, max=1, mutable=True, help=text)


def name(name: str, help: str, **more: Any) -> cfg.Opt:
    return cfg.StrOpt(name, regex=NAME_PATTERN, help=help, **more)


def url(name: str, default: str | None, help: str, **more: Any) -> cfg.Opt:
    """An address that may hold a password: never shown."""
    return cfg.StrOpt(name, default=default, regex=URL_PATTERN, secret=True, help=help, **more)
