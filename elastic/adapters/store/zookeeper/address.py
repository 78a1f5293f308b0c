"""Where the ZooKeeper is, and who we are to it: a store's URL, taken apart.

zookeeper://user:secret@h1:2181,h2:2181/chroot?ca_file=...&cert_file=...&key_file=...
"""

import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from elastic.errors import BadRequest

FILES = ("ca_file", "cert_file", "key_file")
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
CHROOT = re.compile(r"(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """`hosts` as kazoo wants them. `chroot` is "" or begins with a slash. TLS exactly when `ca_file` is given."""

    hosts: str
    chroot: str = ""
    user: str = ""
    secret: str = field(default="", repr=False)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    @property
    def credentials(self) -> str:
        """As the digest scheme wants them; "" if there are none."""
        return f"{self.user}:{self.secret}" if self.user else ""

    def tls(self) -> ssl.SSLContext | None:
        """None: plain text. It trusts that CA alone, and wants the server's name to be in its certificate."""
        if self.ca_file is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as fault:
            raise _refused(f"ca_file {self.ca_file}: {fault.strerror or fault}") from None
        if self.cert_file is not None:
            try:
                context.load_cert_chain(self.cert_file, self.key_file, password=_no_password)
            except (OSError, ValueError) as fault:
                reason = getattr(fault, "strerror", None) or fault
                raise _refused(f"cert_file {self.cert_file}, key_file {self.key_file}: {reason}") from None
        return context

    def __str__(self) -> str:
        return f"zookeeper://{self.hosts}{self.chroot}"


def parsed(url: str) -> Address:
    """BadRequest says what is wrong with it, and shows no secret."""
    try:
        place = urlsplit(url)
    except ValueError:  # it quotes what it was given
        raise _refused("it cannot be told where its parts end: write %XX for what is no letter or digit") from None
    user, secret, hosts = _authority(place.netloc)
    chroot = place.path.rstrip("/")
    if not CHROOT.fullmatch(chroot) or {".", ".."} & set(chroot.split("/")):
        raise _refused(f"{place.path} is no path of a node: letters, digits and ._~- between its slashes")
    if chroot.startswith("/zookeeper"):
        raise _refused("/zookeeper is ZooKeeper's own: take another node")
    if place.fragment:
        raise _refused("there is a # in it: write %23 where it is part of the secret")
    return Address(hosts=hosts, chroot=chroot, user=user, secret=secret, **_files(place.query))


def _authority(netloc: str) -> tuple[str, str, str]:
    said, _, hosts = netloc.rpartition("@")
    for host in hosts.split(","):
        match = HOST.fullmatch(host.strip())
        if not match:
            raise _refused("it has to name its servers as host:port,host:port")
        if not _is_name(match[1]):
            raise _refused("what stands for a host cannot be the name of one")
        if match[2] and not 0 < int(match[2][1:]) < 65536:
            raise _refused(f"{host.strip()} has no port between 1 and 65535")
    user, _, secret = said.partition(":")
    user, secret = unquote(user), unquote(secret)
    if said and not (user and secret):
        raise _refused("credentials are user:secret, and one of them is missing")
    if ":" in user:
        raise _refused("a user's name has no colon in it")
    return user, secret, ",".join(host.strip() for host in hosts.split(","))


def _is_name(host: str) -> bool:
    """Whether it may be asked after: other names break who asks."""
    return host.startswith("[") or all(0 < len(label) < 64 for label in host.removesuffix(".").split("."))


def _files(query: str) -> dict[str, str]:
    try:
        said = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise _refused("what follows the ? has to be name=value, joined by &") from None
    files = dict(said)
    unknown = sorted(files.keys() - set(FILES))
    if unknown:
        raise _refused(f"{unknown[0]} is not known; there are {', '.join(FILES)}")
    if len(files) < len(said):
        raise _refused("an option is there twice")
    if files and "ca_file" not in files:
        raise _refused("cert_file and key_file need a ca_file: without one there is no TLS")
    if ("cert_file" in files) != ("key_file" in files):
        raise _refused("cert_file and key_file go together")
    return files


def _no_password() -> bytes:
    raise ValueError("the key has a password, and nobody is here to type it")


def _refused(reason: str) -> BadRequest:
    return BadRequest(f"[store] url: {reason}")
