"""How values look in tables; in json, yaml, csv and the like they are left as they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cliff.columns import FormattableColumn

from elastic.rules.showing import visible

Row = Mapping[str, Any]


TIMES = frozenset({"time", "state_time", "health_time", "created", "since", "until", "at"})


class Time(FormattableColumn[Any]):
    """Seconds since the epoch; for people, local time."""

    def human_readable(self) -> str:
        return _local(self._value) if self._value else ""


class Tree(FormattableColumn[Any]):
    """A mapping or a list; for people, a line an entry, or one line if it is a list of words."""

    def human_readable(self) -> str:
        return visible("\n".join(_lines(self._value)))


class Actions(FormattableColumn[Any]):
    """What a decision does; for people, `launch i-3fa-1-2 at ec2-east`, a line each."""

    def human_readable(self) -> str:
        return visible("\n".join(_action(action) for action in self._value or ()))


class Text(FormattableColumn[str]):
    """What others wrote; for people, without what would steer their terminal."""

    def human_readable(self) -> str:
        return visible(self._value)


class Nothing(FormattableColumn[Any]):
    """A null."""

    def human_readable(self) -> str:
        return ""


def cells(row: Row, columns: Sequence[str]) -> tuple[Any, ...]:
    return tuple(_cell(name, row.get(name)) for name in columns)


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return Nothing(None)
    if name == "actions":
        return Actions(value)
    if isinstance(value, dict | list):
        return Tree(value)
    if name in TIMES:
        return Time(value)
    if isinstance(value, str) and not value.isprintable():
        return Text(value)
    return value


def _lines(value: Any, indent: str = "") -> list[str]:
    if isinstance(value, dict):
        lines = []
        for name, entry in value.items():
            if isinstance(entry, dict) and entry:
                lines += [f"{indent}{name}:", *_lines(entry, indent + "  ")]
            else:
                lines.append(f"{indent}{name}: {_inline(entry)}")
        return lines
    if isinstance(value, list):
        return [f"{indent}{_inline(entry)}" for entry in value] if _has_parts(value) else [_inline(value)]
    return [f"{indent}{value}"]


def _action(action: Row) -> str:
    said = f"{action['do']} {action['instance_id']}"
    return f"{said} at {action['site']}" if action["site"] else said


def _has_parts(value: list[Any]) -> bool:
    return any(isinstance(entry, dict | list) for entry in value)


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name}: {_local(entry) if name in TIMES else _inline(entry)}"
            for name, entry in value.items()
            if entry not in (None, "")
        )
    if isinstance(value, list):
        return ", ".join(_inline(entry) for entry in value)
    return "" if value is None else str(value)
