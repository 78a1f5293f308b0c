"""The time of this machine."""

import time


class SystemClock:
    """`monotonic` is CLOCK_MONOTONIC: one count for all processes of a host, untouched by clock steps."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


SYSTEM_CLOCK = SystemClock()
