"""What OpenStack answers in place of what was asked for, in our words: one table.

openstacksdk lets through two families of errors that have nothing in common, its own and keystoneauth's; and a
timeout while reading is called ConnectTimeout by the latter (tried with 4.22 and 5.18).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import requests
from keystoneauth1.exceptions import (
    CatalogException,
    ClientException,
    ConnectFailure,
    DiscoveryFailure,
    HttpError,
    SSLError,
)
from openstack.exceptions import (
    ConfigException,
    DuplicateResource,
    HttpException,
    SDKException,
    ServiceDisabledException,
    ServiceDiscoveryException,
)
from urllib3.exceptions import MaxRetryError, NewConnectionError

from elastic.errors import (
    BadOrder,
    CloudRefused,
    CloudUnavailable,
    ElasticError,
    NoRoom,
    NotAsked,
    ServerGone,
)

FOREIGN = (SDKException, ClientException, requests.RequestException)
QUOTA = ("quota exceeded", "maximum number of", "exceeds allowed")
"""What Nova says with 403, Neutron with 409 and Cinder with 413, where a quota is at fault: the only sign."""

TOO_MANY, PAUSE = (413, 429), 10.0
"""Who answers so asks for a pause; of so many seconds, if it does not say."""

LONGEST_TOLD = 500


class Row(NamedTuple):
    """`again`: seconds until it makes sense to try once more, where the cloud does not say."""

    kind: type[ElasticError]
    text: str
    again: float = 5.0


BY_STATUS: Mapping[int, Row] = {
    400: Row(BadOrder, "bad request"),
    401: Row(NotAsked, "the credentials are not accepted", 30.0),
    403: Row(BadOrder, "forbidden"),
    404: Row(ServerGone, "there is no such thing"),
    405: Row(BadOrder, "not understood"),
    406: Row(BadOrder, "not understood in this version"),
    409: Row(CloudRefused, "in conflict with what is there"),
    413: Row(NotAsked, "too many requests", PAUSE),
    429: Row(NotAsked, "too many requests", PAUSE),
    500: Row(CloudUnavailable, "an error in the cloud"),
    501: Row(BadOrder, "not implemented there"),
    502: Row(CloudUnavailable, "no answer through its gateway"),
    503: Row(CloudUnavailable, "not available now"),
    504: Row(CloudUnavailable, "no answer through its gateway in time"),
}
FULL = Row(NoRoom, "quota")
OTHER_REFUSAL = Row(CloudRefused, "refused")
OTHER_TROUBLE = Row(CloudUnavailable, "an error in the cloud")
NOT_REACHED = Row(NotAsked, "nobody answers there", 2.0)
NO_CERTIFICATE = Row(NotAsked, "its certificate is not accepted", 30.0)
NO_SERVICE = Row(NotAsked, "its catalogue does not lead there", 30.0)
NO_SUCH_SERVICE = Row(BadOrder, "the site has no such service")
UNFIT = Row(NotAsked, "its entry in clouds.yaml does not fit", 60.0)
AMBIGUOUS = Row(BadOrder, "there are several of that name: give its id")
CUT = Row(CloudUnavailable, "the connection broke, or no answer came in time")


@contextmanager
def told() -> Iterator[None]:
    """Around calls: raise our errors in place of theirs."""
    try:
        yield
    except FOREIGN as error:
        raise ours(error) from error


def ours(error: Exception) -> ElasticError:
    row = _row(error)
    found = row.kind(f"{row.text}: {_text_of(error)}")
    if isinstance(found, CloudUnavailable):
        found.again = _retry_after(getattr(getattr(error, "response", None), "headers", None)) or row.again
    return found


def _row(error: Exception) -> Row:
    status = _status_of(error)
    if status in (403, 409, 413) and _is_of_quota(str(error)):
        return FULL
    if status is not None:
        return BY_STATUS.get(status) or (OTHER_REFUSAL if status < 500 else OTHER_TROUBLE)
    match error:
        case DuplicateResource():
            return AMBIGUOUS
        case SSLError():
            return NO_CERTIFICATE
        case ConnectFailure() if _never_connected(error):
            return NOT_REACHED
        case CatalogException() | DiscoveryFailure() | ServiceDiscoveryException():
            return NO_SERVICE
        case ServiceDisabledException():
            return NO_SUCH_SERVICE
        case ConfigException():
            return UNFIT
    return CUT


def pause_asked(answer: requests.Response) -> float | None:
    """Seconds for which the service that answered so is not to be asked; None if it did not say that."""
    if answer.status_code in TOO_MANY and not _is_of_quota(answer.text):
        return _retry_after(answer.headers) or PAUSE
    return _retry_after(answer.headers) if answer.status_code == 503 else None


def _is_of_quota(text: str) -> bool:
    return any(word in text.lower() for word in QUOTA)


def _status_of(error: Exception) -> int | None:
    match error:
        case HttpException():
            return error.status_code or getattr(error.response, "status_code", None)
        case HttpError():
            return int(error.http_status)
    return None


def _text_of(error: Exception) -> str:
    said = getattr(error, "details", None) or getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())[:LONGEST_TOLD]


def _never_connected(error: BaseException) -> bool:
    """Nobody can have heard it: not even a connection came about."""
    cause: object = error
    while isinstance(cause, BaseException):
        if isinstance(cause, NewConnectionError):
            return True
        inner = cause.args[0] if cause.args else None
        reason = inner.reason if isinstance(inner, MaxRetryError) else None
        cause = reason or cause.__cause__ or cause.__context__
    return False


def _retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Seconds; a date is reckoned from the answer's own, as clocks differ."""
    if headers is None or (said := headers.get("Retry-After")) is None:
        return None
    try:
        return max(0.0, min(float(said), 3600.0))
    except ValueError:
        pass
    try:
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(headers["Date"])
    except (ValueError, KeyError, TypeError):
        return None
    return max(0.0, min(wait.total_seconds(), 3600.0))
