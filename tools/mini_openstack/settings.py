"""What the environment asks for, checked."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mini_openstack.errors import Trouble

PORTS = 9  # in a row
_PREFIX = "MINI_OPENSTACK_"
# one server, with all of its parts: nova takes it to pieces
_RABBIT = r"(rabbit://[^\s$@,:/?#]+:[^\s$@,:/?#]*@[^\s$@,:/?#]+:\d+/[^\s$/?#]+(\?[^\s$#]*)?)?"
_QUOTAS = ("unlimited", "default")


@dataclass(frozen=True)
class Settings:
    directory: Path
    rabbit_url: str | None  # None: a RabbitMQ of our own
    python: str
    host: str
    port: int  # the first of PORTS
    computes: tuple[str, ...]
    vcpus: int
    memory_mb: int
    disk_gb: int
    password: str
    quota: str
    timeout: int  # seconds
    constraints: Path | None  # None: ours

    @property
    def auth_url(self) -> str:
        return f"http://{self.host}:{self.port}/v3"

    @classmethod
    def of(cls, environment: Mapping[str, str], here: Path) -> "Settings":
        """Trouble if one of them will not do, or if there is one that we do not know."""
        given = _Given(environment)
        settings = cls(
            directory=_directory(given.take("DIR", ".mini-openstack"), here),
            rabbit_url=given.matching("RABBIT_URL", "", _RABBIT, "rabbit://USER:PASSWORD@HOST:PORT/VHOST") or None,
            python=_program(given.take("PYTHON", "python3"), here),
            host=_host(given.take("HOST", "127.0.0.1")),
            port=given.number("PORT", 15000, 1024, 65536 - PORTS),
            computes=_computes(given),
            vcpus=given.number("VCPUS", 48, 1, 10_000),
            memory_mb=given.number("MEMORY_MB", 65536, 1024, 100_000_000),
            disk_gb=given.number("DISK_GB", 1000, 1, 1_000_000),
            password=given.matching(
                "PASSWORD", "secret", r"[A-Za-z0-9._~+-]{1,64}", "letters, digits or any of ._~+-"
            ),
            quota=given.one_of("QUOTA", _QUOTAS),
            timeout=given.number("TIMEOUT", 180, 1, 86_400),
            constraints=_constraints(given.take("CONSTRAINTS", ""), here),
        )
        given.check_all_taken()
        return settings


class _Given:
    """Variables of ours; an empty one is as good as none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._rest = {name: value for name, value in environment.items() if name.startswith(_PREFIX)}

    def take(self, name: str, default: str) -> str:
        return self._rest.pop(_PREFIX + name, "") or default

    def matching(self, name: str, default: str, pattern: str, wanted: str) -> str:
        value = self.take(name, default)
        if not re.fullmatch(pattern, value):
            raise Trouble(f"{_PREFIX}{name} must be {wanted}")  # the value may be a secret
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self.take(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise Trouble(f"{_PREFIX}{name} must be a number from {least} to {most}, not {value!r}")
        return int(value)

    def one_of(self, name: str, words: tuple[str, ...]) -> str:
        value = self.take(name, words[0])
        if value not in words:
            raise Trouble(f"{_PREFIX}{name} must be one of {', '.join(words)}, not {value!r}")
        return value

    def check_all_taken(self) -> None:
        if self._rest:
            raise Trouble(f"there is no setting {min(self._rest)}; mini_openstack/README.md lists them")


def _directory(given: str, here: Path) -> Path:
    path = _path("DIR", given, here)
    # it becomes part of URLs, configuration files and search paths
    if re.search(r"[\s?&%#$+:]", str(path)) or not str(path).isprintable():
        raise Trouble(
            f"MINI_OPENSTACK_DIR must have no spaces and none of ? & % # $ + : in its path, not {str(path)!r}"
        )
    return path


def _path(name: str, given: str, here: Path) -> Path:
    try:
        return here / Path(given).expanduser()
    except RuntimeError:  # ~ of whom we do not know
        raise Trouble(f"{_PREFIX}{name}: there is no home directory for {given!r}") from None


def _program(given: str, here: Path) -> str:
    """It is run in another directory than this."""
    return str(_path("PYTHON", given, here)) if "/" in given else given


def _host(given: str) -> str:
    try:
        return str(ipaddress.IPv4Address(given))
    except ValueError:
        raise Trouble(f"MINI_OPENSTACK_HOST must be an IPv4 address, not {given!r}") from None


def _computes(given: _Given) -> tuple[str, ...]:
    names = given.take("COMPUTES", "fake-a fake-b").split()
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", name):
            raise Trouble(f"MINI_OPENSTACK_COMPUTES must be host names, not {name!r}")
    if not names or len(set(names)) < len(names):
        raise Trouble("MINI_OPENSTACK_COMPUTES must name at least one host, and none twice")
    return tuple(names)


def _constraints(given: str, here: Path) -> Path | None:
    if not given:
        return None
    path = _path("CONSTRAINTS", given, here)
    if not path.is_file():
        raise Trouble(f"MINI_OPENSTACK_CONSTRAINTS: there is no such file: {str(path)!r}")
    return path
