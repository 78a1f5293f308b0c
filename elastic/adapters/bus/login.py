"""Whether the bus lets us in at all."""

from elastic.adapters.bus.address import is_sqlite, user_of
from elastic.adapters.bus.link import FAULTS, Link
from elastic.adapters.bus.plain import REFUSALS, login_refusal, words
from elastic.errors import BadRequest, BusUnavailable


def check_login(url: str, option: str = "[bus] url") -> None:
    """BadRequest if the broker refuses our user, its password or the vhost; BusUnavailable if it is away.

    A bus in a file has no users, and is made when it is first needed.
    """
    if is_sqlite(url):
        return
    try:
        Link.to(url, listens=False).close()
    except REFUSALS as error:
        raise BadRequest(f"{option}: {login_refusal(error, user_of(url))}") from error
    except FAULTS as error:
        raise BusUnavailable(f"{option}: no broker answers: {words(error)}") from error
