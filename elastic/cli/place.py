"""Where the cluster is: two options, two variables, three usual places."""

import argparse
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from elastic.conf.places import expanded
from elastic.errors import BadRequest, NotFound

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
        type=_directory,
        default=Path(environ.get("ELASTIC_DATA") or HERE),
        help="directory of the cluster [ELASTIC_DATA, else ./elastic-data]",
    )


def _directory(text: str) -> Path:
    """For argparse."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty: name a directory, or leave the option out")
    return Path(text)


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
    """The configuration of the cluster that is meant. NotFound says how to name or make one.

    An option that is given and empty is refused: `--data "$DIR"` with no DIR means no other cluster.
    """
    for option, said in (("--data", data), ("--config-file", file)):
        if said == "":
            raise BadRequest(f"{option} is empty: name the cluster's, or leave the option out")
    if data is None and file is None:
        file = environ.get("ELASTIC_CONFIG") or None
        data = None if file else environ.get("ELASTIC_DATA") or None
    if file is not None:
        return _checked(expanded(file))
    if data is not None:
        return _of_directory(expanded(data))
    nearby = HERE if here is None else here / HERE
    if nearby.is_dir():
        return _of_directory(nearby)
    for usual in USUAL:
        with suppress(BadRequest):  # a user without a home has nothing there
            if expanded(usual).is_file():
                return expanded(usual)
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
