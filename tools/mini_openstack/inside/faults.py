"""What a server's metadata asks for:

mini:spawn=error        the build fails for good
mini:spawn=reschedule   the build fails on each host on which it is tried
mini:spawn_seconds=N    the build takes N seconds
mini:crash_after=N      the guest crashes N seconds after it was built
mini:cpu=P              the CPU load in percent that diagnostics tell of
"""

import re
from dataclasses import dataclass

SPAWN = ("error", "reschedule")


@dataclass(frozen=True)
class Faults:
    spawn: str | None
    spawn_seconds: float
    crash_after: float | None  # seconds
    cpu: int

    @classmethod
    def of(cls, metadata):
        """ValueError, to be told in the server's fault, if one of them will not do."""
        spawn = metadata.get("mini:spawn")
        if spawn not in (None, *SPAWN):
            raise ValueError(f"mini:spawn must be one of {', '.join(SPAWN)}, not {spawn!r}")
        crash_after = _number(metadata, "mini:crash_after") if "mini:crash_after" in metadata else None
        return cls(spawn, _number(metadata, "mini:spawn_seconds"), crash_after, int(_number(metadata, "mini:cpu")))


def _number(metadata, name):
    value = metadata.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        raise ValueError(f"{name} must be a number, not {value!r}")
    return float(value)
