"""Reading an `engine_conf`: each key once, by its type. What is wrong is said with the key's name.

The keys in COMMON may stand in every engine's config; of them the engines look at `victims`, `reclaim` and
`sample_period` only.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from elastic.errors import BadRequest
from elastic.rules.exact import Number, is_number

REQUIRED: Final = object()
SAMPLE_PERIOD = 90  # seconds
LARGEST_WHOLE = 2**53
"""Beyond it JSON's readers disagree about which number it is."""

SAMPLE_FUNCTIONS = ("Average", "Sum", "SampleCount", "Maximum", "Minimum")
COMMON = (
    "victims",
    "reclaim",
    "provisioner_vars",
    "sensor_type",
    "monitor_sensors",
    "monitor_domain_sensors",
    "sample_period",
    "sample_function",
    "opentsdb_host",
    "opentsdb_port",
    "access_key",
    "secret_key",
    "sensor_data",
)


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """What every engine takes besides its own keys."""

    oldest_first: bool = False
    reclaim: bool = False
    sample_period: Number = SAMPLE_PERIOD


class Settings:
    """A config whose keys are all known; a null stands for the default."""

    def __init__(
        self,
        conf: Mapping[str, Any],
        keys: Sequence[str],
        refused: Mapping[str, str] | None = None,
        inside: str = "",
    ) -> None:
        """`refused`: keys that another engine has and this one must not, each with the reason why. `inside`: the
        key whose map this is; the keys of all engines have no place there."""
        known = (*keys, *(() if inside else COMMON))
        for key in conf:
            if refused and key in refused:
                raise BadRequest(f"{key}: {refused[key]}")
            if key not in known:
                raise BadRequest(f"{key!r} is no key of {inside or 'this engine'}; its keys are {', '.join(keys)}")
        self._conf, self._prefix = conf, f"{inside}." if inside else ""

    def integer(self, key: str, default: Any = REQUIRED, minimum: int | None = 0) -> Any:
        value = self._value(key, default)
        if value is default:
            return value
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if not isinstance(whole, int) or isinstance(whole, bool) or abs(whole) > LARGEST_WHOLE:
            raise BadRequest(f"{self._prefix}{key} has to be a whole number, not {value!r}")
        if minimum is not None and whole < minimum:
            raise BadRequest(f"{self._prefix}{key} has to be {minimum} or more, not {value!r}")
        return whole

    def number(
        self,
        key: str,
        default: Any = REQUIRED,
        *,
        signed: bool = False,
        positive: bool = False,
        maximum: Number | None = None,
    ) -> Any:
        """Not negative unless `signed`."""
        value = self._value(key, default)
        if value is default:
            return value
        if not is_number(value):
            raise BadRequest(f"{self._prefix}{key} has to be a number, not {value!r}")
        if value < 0 and not signed:
            raise BadRequest(f"{self._prefix}{key} must not be negative, but is {value!r}")
        if positive and value <= 0:
            raise BadRequest(f"{self._prefix}{key} has to be above 0, but is {value!r}")
        if maximum is not None and value > maximum:
            raise BadRequest(f"{self._prefix}{key} has to be {maximum} at most, but is {value!r}")
        return value

    def text(self, key: str, default: Any = REQUIRED, *, may_be_empty: bool = False) -> Any:
        value = self._value(key, default)
        if value is not default and not isinstance(value, str):
            raise BadRequest(f"{self._prefix}{key} has to be a text")
        if value == "" and value is not default and not may_be_empty:
            raise BadRequest(f"{self._prefix}{key} must not be empty")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise BadRequest(f"{self._prefix}{key} has to be true or false, not {value!r}")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of `choices`; the first is the default."""
        value = self._value(key, choices[0])
        if value not in choices:
            raise BadRequest(f"{self._prefix}{key} has to be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    def names(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(key, REQUIRED if required else ())
        if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
            raise BadRequest(f"{self._prefix}{key} has to be a list of names, not {value!r}")
        return tuple(value)

    def items(self, key: str) -> tuple[Any, ...]:
        """A list, or a text of values with commas between."""
        value = self._value(key, ())
        if isinstance(value, str):
            return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
        if not isinstance(value, list | tuple):
            raise BadRequest(f"{self._prefix}{key} has to be a list, or a text with commas, not {value!r}")
        return tuple(value)

    def named(self, key: str) -> str:
        """How the key is told of."""
        return f"{self._prefix}{key}"

    def says(self, key: str) -> bool:
        """Whether the key is there, though it be null."""
        return key in self._conf

    def anything(self, key: str, default: Any = REQUIRED) -> Any:
        """For a key whose values its reader tells apart."""
        return self._value(key, default)

    def maps(self, key: str) -> list[tuple[str, Mapping[str, Any]]]:
        """A list of maps that is not empty, each with its own name to be told by, such as `clouds[0]`."""
        value = self._value(key, REQUIRED)
        if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
            raise BadRequest(f"{self._prefix}{key} has to be a list of maps, not {value!r}")
        if not value:
            raise BadRequest(f"{self._prefix}{key} must not be empty")
        return [(f"{self._prefix}{key}[{number}]", item) for number, item in enumerate(value)]

    def section(self, key: str, keys: Sequence[str]) -> "Settings":
        """The map at `key`, which has `keys`; empty if it is not there."""
        return Settings(self.table(key), keys, inside=f"{self._prefix}{key}")

    def table(self, key: str) -> Mapping[str, Any]:
        value = self._value(key, {})
        if not isinstance(value, Mapping):
            raise BadRequest(f"{self._prefix}{key} has to be a map, not {value!r}")
        return value

    def common(self) -> Common:
        """Read what every engine takes; those keys that the sensors alone use are looked at for their types."""
        for key in ("sensor_type", "opentsdb_host", "access_key", "secret_key"):
            self.text(key, None, may_be_empty=True)
        for key in ("monitor_sensors", "monitor_domain_sensors"):
            self.names(key)
        self.table("provisioner_vars")
        self.integer("opentsdb_port", None)
        self.choice("sample_function", SAMPLE_FUNCTIONS)
        return Common(
            oldest_first=self.choice("victims", ("newest", "oldest")) == "oldest",
            reclaim=self.flag("reclaim", default=False),
            sample_period=self.number("sample_period", SAMPLE_PERIOD, positive=True),
        )

    def _value(self, key: str, default: Any) -> Any:
        value = self._conf.get(key)
        if value is not None:
            return value
        if default is REQUIRED:
            raise BadRequest(f"{self._prefix}{key} is missing")
        return default


def unquoted(conf: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """With the numbers that stand at `keys` as texts read as numbers; what reads as none is left as it is."""
    return {key: _number_in(value) if key in keys else value for key, value in conf.items()}


def _number_in(value: Any) -> Any:
    if not isinstance(value, str) or "_" in value:
        return value
    for read in (int, float):
        try:
            return read(value)
        except ValueError:
            continue
    return value


def distinct(key: str, names: Sequence[str]) -> None:
    """Raise BadRequest that names the one which stands twice, or is empty."""
    seen: set[str] = set()
    for name in names:
        if not name:
            raise BadRequest(f"{key}: a name must not be empty")
        if name in seen:
            raise BadRequest(f"{key}: {name!r} stands there twice")
        seen.add(name)
