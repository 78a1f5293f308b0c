"""What a kind of cloud is told of where it is: its entry point's class has an `at` that takes one of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from elastic.ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudPlace:
    """`timeout`: seconds for one request; `workers`: calls at once a site; `rate`: requests a second a site, 0 for
    any number; `options`: `[cloud] options`, for kinds that are not ours."""

    clock: Clock
    timeout: float = 20.0
    workers: int = 4
    clouds: Sequence[str] = ()
    clouds_file: str | None = None
    rate: float = 0.0
    local_dir: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
