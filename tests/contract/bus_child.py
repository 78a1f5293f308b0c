"""A process of its own that serves RPC: it says "listening", then "taken" for each call, and never answers `hang`."""

import sys
import threading
import time

from elastic.adapters.bus.kombu import KombuRpcServer
from elastic.ports.bus import Call, Reply


def handle(call: Call) -> Reply:
    print("taken", flush=True)
    if call.op == "hang":
        threading.Event().wait()
    time.sleep(float(call.args.get("seconds", 0)))
    return {"result": "child"}


def main() -> None:
    server = KombuRpcServer(sys.argv[1], sys.argv[2])
    server.start(handle)
    while not server.is_connected:
        time.sleep(0.01)
    print("listening", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
