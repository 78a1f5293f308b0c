"""What elastic costs, each figure beside a baseline of the same run: one table, row by row as it goes.

    python -m bench [--only NAME ...] [--quick] [--json FILE] [--markdown FILE]

The servers are started here and end with it. The exit code is 0 when all was measured, whether or not a budget is
met; 1 when something could not be measured.
"""

import argparse
import json
import logging
import os
import platform
import signal
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from bench import add_domain, engines, failover, heartbeats, memory, quiet, reconnect, rpc, whole
from bench.rows import Measure, Row, head, hush, markdown, shown, tell
from bench.servers import Servers, lacking, started

MEASURES: dict[str, Measure] = {
    "heartbeats": heartbeats.measure,
    "engines": engines.measure,
    "quiet": quiet.measure,
    "add_domain": add_domain.measure,
    "failover": failover.measure,
    "rpc": rpc.measure,
    "memory": memory.measure,
    "reconnect": reconnect.measure,
    "whole": whole.measure,
}


def main() -> int:
    asked = parsed()
    if missing := lacking():
        print(f"not installed: {missing} (as root: tests/servers/install.sh)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    logging.basicConfig(level=logging.ERROR)
    began = time.monotonic()
    try:
        with started() as servers:
            rows, failed = measured(servers, asked.only or list(MEASURES), asked.quick)
    except KeyboardInterrupt:
        hush()
        return 128 + signal.SIGINT
    seconds = time.monotonic() - began
    if asked.json is not None:
        asked.json.write_text(json.dumps(told(rows, seconds, asked.quick), indent=2) + "\n")
    if asked.markdown is not None:
        asked.markdown.write_text(f"{machine()}\n\n{markdown(rows)}")
    missed = [row.what for row in rows if row.met is False]
    print(f"\n{len(rows)} rows in {seconds:.0f} s; missed: {', '.join(missed) or 'none'}", flush=True)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="smaller and fewer: to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the rows once more, for a program")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the rows once more, for a page")
    return parser.parse_args()


def measured(servers: Servers, names: list[str], quick: bool) -> tuple[list[Row], list[str]]:
    """The rows, printed as they come, and the names of what could not be measured."""
    rows, failed = list[Row](), list[str]()
    print(f"{machine()}\n\n{head()}", flush=True)
    for name in names:
        tell(name)
        try:
            for row in MEASURES[name](servers, quick):
                hush()
                print(shown(row), flush=True)
                rows.append(row)
                tell(name)
        except Exception:
            failed.append(name)
            hush()
            traceback.print_exc()
    hush()
    return rows, failed


def machine() -> str:
    load = os.getloadavg()[0]
    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return f"{day} UTC, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"


def told(rows: list[Row], seconds: float, quick: bool) -> dict[str, object]:
    return {
        "machine": machine(),
        "quick": quick,
        "seconds": round(seconds, 1),
        "rows": [asdict(row) for row in rows],
    }


if __name__ == "__main__":
    sys.exit(main())
