"""A process of its own that serves RPC: it says "listening", "taken" for each call, and never answers `hang`."""

import sys
import threading
import time

from elastic.adapters.bus.kombu import KombuRpcServer
from elastic.ports.bus import Call, Reply


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def handle(call: Call) -> Reply:
    say("taken")
    if call.op == "hang":
        threading.Event().wait()
    time.sleep(float(call.args.get("seconds", 0)))
    return {"result": "child"}


def main() -> None:
    server = KombuRpcServer(sys.argv[1], sys.argv[2])
    server.start(handle)
    while not server.is_connected:
        time.sleep(0.01)
    say("listening")
    sys.stdin.read()


if __name__ == "__main__":
    main()
