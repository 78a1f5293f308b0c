"""The secret of the cluster: 64 hexadecimal digits in a file that only its owner may read."""

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from elastic.errors import BadRequest

SECRET = re.compile(r"[0-9a-f]{64}")


def mint(path: Path) -> None:
    """Write a new one, unless there is one. Whole or not at all, and never two."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(fresh, secrets.token_hex(32) + "\n")
    try:
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()


def read(path: Path) -> bytes:
    """The secret. BadRequest if it is missing, is none, or if others may read it."""
    try:
        mode, text = path.stat().st_mode, path.read_text(errors="replace").strip()
    except OSError as error:
        raise BadRequest(f"the cluster's secret {path}: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise BadRequest(f"the cluster's secret {path} may be read by others: chmod 600 it")
    if not SECRET.fullmatch(text):
        raise BadRequest(f"the cluster's secret {path} has to be 64 hexadecimal digits (openssl rand -hex 32)")
    return bytes.fromhex(text)


def write_private(path: Path, text: str) -> None:
    """Write a new file of mode 0600, and have it on the disk. FileExistsError if it is there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
