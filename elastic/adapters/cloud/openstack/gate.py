"""Where every request to a site goes out, whichever library sends it: at our pace, and not to who asked us to
wait."""

from typing import Any
from urllib.parse import urlsplit

import requests
from keystoneauth1.session import TCPKeepAliveAdapter

from elastic.adapters.cloud.openstack.faults import pause_asked
from elastic.adapters.cloud.openstack.pace import Pace

SILENT = 2.0
"""Seconds for which a Keystone that did not answer in time is left alone: who waits for a token waits behind one
lock, and is not to find that out one after the other."""

LOGIN_REFUSED = 30.0


class Gate(TCPKeepAliveAdapter):
    """`patience`: seconds that a request may wait here for its turn. NotAsked if it would be longer."""

    def __init__(self, pace: Pace, patience: float, **more: Any) -> None:
        self._pace, self._patience = pace, patience
        super().__init__(**more)

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        service = service_of(request.url or "")
        self._pace.wait(service, self._patience)
        try:
            answer: requests.Response = super().send(request, *args, **more)
        except (requests.Timeout, requests.ConnectionError):
            if _is_login(request):
                self._pace.hold(service, SILENT, "Keystone does not answer")
            raise
        pause, why = pause_asked(answer), f"{answer.status_code} {answer.reason}"
        if answer.status_code == 401 and _is_login(request):
            pause, why = LOGIN_REFUSED, "the credentials are not accepted"
        if pause is not None:
            self._pace.hold(service, pause, why)
        return answer


def service_of(url: str) -> str:
    """Services have ports of their own, or the first part of a path."""
    parts = urlsplit(url)
    return f"{parts.netloc}/{parts.path.lstrip('/').partition('/')[0]}"


def _is_login(request: requests.PreparedRequest) -> bool:
    return request.method == "POST" and urlsplit(request.url or "").path.endswith("/auth/tokens")
