"""Paths as users write them."""

from pathlib import Path

from elastic.errors import BadRequest


def expanded(path: str | Path) -> Path:
    """With `~` and `~USER` replaced. BadRequest if there is no such user, or nobody knows where home is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        home = Path(path).parts[0]
        raise BadRequest(f"{path}: there is no home directory for {home}: write the whole path") from None


def absolute(path: str | Path) -> Path:
    """From the root on. BadRequest as `expanded`, or if that cannot be told."""
    try:
        return expanded(path).absolute()
    except FileNotFoundError:
        raise BadRequest(f"{path}: the directory that we are in is gone: go to one that is there") from None
