"""Foreign errors in words of ours: one line each, and no secret in it."""

from amqp.exceptions import AccessRefused, AMQPError, NotAllowed, NotFound, PreconditionFailed

from elastic.errors import BusUnavailable, Denied, ElasticError

REFUSALS = (AccessRefused, NotAllowed, PreconditionFailed)
"""What will be the same at the next try."""


def words(error: BaseException | None) -> str:
    """What it says, on one line; what it is, if it says nothing."""
    text = error.reply_text if isinstance(error, AMQPError) and error.reply_text else str(error or "")
    return " ".join(text.split()) or type(error).__name__


def refusal(error: BaseException, user: str, nobody: str) -> ElasticError:
    """How a caller is told of one of REFUSALS, or, in the words of `nobody`, that there is no such exchange."""
    if isinstance(error, NotFound):
        return BusUnavailable(nobody)
    if isinstance(error, PreconditionFailed) and "user_id" in words(error):
        return Denied(f"the broker knows us as {user!r}, and refuses a call in another's name")
    return Denied(login_refusal(error, user))


def login_refusal(error: BaseException, user: str) -> str:
    if isinstance(error, NotAllowed):
        return f"the broker has no such vhost, or does not let {user!r} into it"
    if isinstance(error, AccessRefused) and "Login was refused" in words(error):
        return f"the broker refuses the user {user!r} with that password"
    return f"the broker refuses it to {user!r}: {words(error)}"
