"""The end of a client: kazoo's own waits ten seconds and more for a server that does not answer."""

import threading
from contextlib import suppress
from typing import Any


def closed_within(client: Any, seconds: float) -> None:
    """Say goodbye to the server, if it listens. What is not done by then ends with the process."""

    def end() -> None:
        with suppress(Exception):  # of a client in any state, which nobody uses any more
            client.stop()
        with suppress(Exception):
            client.close()

    ending = threading.Thread(target=end, name="zookeeper closing", daemon=True)
    ending.start()
    ending.join(seconds)
