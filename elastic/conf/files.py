"""Configuration files, line by line: so that what is wrong can be said with file, group and key."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg

from elastic.conf.places import expanded
from elastic.errors import BadRequest

log = logging.getLogger(__name__)

Known = Mapping[tuple[str, str], cfg.Opt]
"""Options by group and key, as `key_of` writes them."""


@dataclass(frozen=True, slots=True)
class Line:
    file: str
    group: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.file}: [{self.group}] {self.key}"


def key_of(group: str, key: str) -> tuple[str, str]:
    """oslo.config reads [Store] as [store] (but not [default] as [DEFAULT]), and log-file as log_file."""
    return group if group == "DEFAULT" else group.lower(), key.replace("-", "_")


def those_of(files: Iterable[str], directories: Iterable[str]) -> list[str]:
    """All files in the order in which they are read: the later word counts. Raises BadRequest."""
    named = [str(expanded(file)) for file in files]
    for directory in directories:
        place = expanded(directory)
        if not place.is_dir():
            raise BadRequest(f"{place}: no such directory")
        named += sorted(str(file) for file in place.glob("*.conf"))
    return named


def check(files: Iterable[str], known: Known) -> None:
    """Raise BadRequest for the first value that is not allowed; warn of options that do not exist."""
    for file in files:
        for line in lines_of(file):
            option = known.get(key_of(line.group, line.key))
            if option is None:
                log.warning("%s is no option: it has no effect", line)
            elif "$" not in line.value:  # a reference to another option is looked at when it is resolved
                _check_value(line, option)


def lines_of(file: str) -> Iterator[Line]:
    groups: dict[str, dict[str, list[str]]] = {}
    _refuse_what_reads_once(file)
    try:
        cfg.ConfigParser(file, groups).parse()
    except cfg.ParseError as error:
        raise BadRequest(f"{file}: line {error.lineno}: {_told(error)}") from None
    except OSError as error:
        raise BadRequest(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{file}: is not a text in UTF-8") from None
    for group, assignments in groups.items():
        for key, values in assignments.items():
            yield from (Line(file, group, key, value) for value in values)


def _refuse_what_reads_once(file: str) -> None:
    """It is read here, by oslo.config, and again at each SIGHUP; and a pipe may have us wait for ever."""
    if Path(file).is_fifo():
        raise BadRequest(f"{file}: is a pipe, and a configuration is read more than once: give a file")


def _told(error: cfg.ParseError) -> str:
    """Without the line: it may be secret."""
    if error.line.startswith("\ufeff"):
        return "begins with a byte order mark: save the file as UTF-8 without one"
    return str(error.msg)


def _check_value(line: Line, option: cfg.Opt) -> None:
    try:
        option.type(line.value)
    except ValueError as error:
        told = "is not an address of the form SCHEME://..." if option.secret else f"is not allowed: {error}"
        raise BadRequest(f"{line} {told}") from None
