"""Where the cluster is: two options, two variables, three usual places."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from elastic.errors import NotFound

CONF = "elastic.conf"
HERE = Path("elastic-data")
USUAL = (Path("~/.config/elastic/elastic.conf"), Path("/etc/elastic/elastic.conf"))


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--data", metavar="DIR", help="directory of an embedded cluster [ELASTIC_DATA, else ./elastic-data]"
    )
    group.add_argument("--config-file", metavar="FILE", help="configuration of the cluster [ELASTIC_CONFIG]")


def add_directory(parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    """`--data` for a command that needs no cluster to be there yet."""
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=Path(environ.get("ELASTIC_DATA") or HERE),
        help="directory of the cluster [ELASTIC_DATA, else ./elastic-data]",
    )


def given(options: argparse.Namespace) -> list[str]:
    """The options of `add_options` that were given, as words of a command line."""
    words = []
    for name in ("data", "config_file"):
        value = getattr(options, name, None)
        if value is not None:
            words.append(f"--{name.replace('_', '-')}={value}")
    return words


def config_file(
    data: str | None, file: str | None, environ: Mapping[str, str] = os.environ, here: Path | None = None
) -> Path:
    """The configuration of the cluster that is meant. NotFound says how to name or make one."""
    data, file = data or None, file or None
    if data is None and file is None:
        file = environ.get("ELASTIC_CONFIG") or None
        data = None if file else environ.get("ELASTIC_DATA") or None
    if file is not None:
        return _checked(Path(file).expanduser())
    if data is not None:
        return _of_directory(Path(data).expanduser())
    nearby = (here or Path.cwd()) / HERE
    if nearby.is_dir():
        return _of_directory(nearby)
    for usual in USUAL:
        if usual.expanduser().is_file():
            return usual.expanduser()
    raise NotFound(
        "no cluster is named: start one here with `elastic run`, or give --data DIR or --config-file FILE"
    )


def _of_directory(directory: Path) -> Path:
    if not (directory / CONF).is_file():
        raise NotFound(f"there is no cluster in {directory}: start one with `elastic run --data {directory}`")
    return directory / CONF


def _checked(file: Path) -> Path:
    if not file.is_file():
        raise NotFound(f"{file} is not a file: give --config-file the cluster's configuration")
    return file
