"""How values look in tables; in json, yaml, csv and the like they are left as they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cliff.columns import FormattableColumn

Row = Mapping[str, Any]


class Time(FormattableColumn[Any]):
    """Seconds since the epoch; for people, local time."""

    def human_readable(self) -> str:
        if not self._value:
            return ""
        return datetime.fromtimestamp(self._value).astimezone().isoformat(" ", "milliseconds")


class Tree(FormattableColumn[Any]):
    """A mapping or a list; for people, a line an entry."""

    def human_readable(self) -> str:
        return "\n".join(_lines(self._value))


class Nothing(FormattableColumn[Any]):
    """A null."""

    def human_readable(self) -> str:
        return ""


def cells(row: Row, columns: Sequence[str]) -> tuple[Any, ...]:
    return tuple(_cell(name, row.get(name)) for name in columns)


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return Nothing(None)
    if isinstance(value, dict | list):
        return Tree(value)
    if name in ("time", "state_time", "health_time", "created", "since", "until"):
        return Time(value)
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
        return [f"{indent}{_inline(entry)}" for entry in value]
    return [f"{indent}{value}"]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_inline(entry)}" for name, entry in value.items() if entry not in (None, ""))
    if isinstance(value, list):
        return ", ".join(_inline(entry) for entry in value)
    return "" if value is None else str(value)
