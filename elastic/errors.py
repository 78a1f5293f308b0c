"""Every error this package raises on purpose.

ElasticError
├── NotFound              the named domain, definition or instance is not there
├── Conflict              a thing of that name is there already
├── BadRequest            what was asked for makes no sense; the text names the key
├── Denied                the caller may not do that
├── TooLate               the message's deadline has passed
├── UnknownOperation      no such operation
├── Unavailable           what is needed to answer does not answer now; try again
│   ├── StoreUnavailable  the store
│   ├── BusUnavailable    the bus
│   └── CloudUnavailable  the cloud; whether it did what was asked is not known
│       ├── NotAsked      it could not even be asked, so nothing was done
│       └── NotReady      what was asked for is not ready yet
├── OutcomeUnknown        a write was sent and its outcome cannot be read back
├── TooMuch               a write larger than one transaction can carry: split it; nothing was written
├── Stale                 the record or the domain changed after our view of it was taken
├── Superseded            a newer assignment stands, or a newer term of the role
├── Answered              that idempotency key has its answer already (carried along)
├── CloudRefused          the cloud will not do it, and has done nothing
│   ├── BadOrder          and never will: the order itself is wrong
│   └── NoRoom            not now: quota, or no valid host
├── ServerGone            the cloud says that there is no such server (404)
├── SensorFailed          a source of numbers gave none
└── BadMessage            what arrived is not a message we understand
"""

from typing import Any


class ElasticError(Exception):
    """Base of the tree above."""


class NotFound(ElasticError): ...


class Conflict(ElasticError): ...


class BadRequest(ElasticError): ...


class Denied(ElasticError): ...


class TooLate(ElasticError): ...


class UnknownOperation(ElasticError): ...


class Unavailable(ElasticError): ...


class StoreUnavailable(Unavailable): ...


class BusUnavailable(Unavailable): ...


class CloudUnavailable(Unavailable):
    """`again`: seconds until it makes sense to ask once more."""

    def __init__(self, text: str = "", again: float = 5.0) -> None:
        super().__init__(text)
        self.again = again


class NotAsked(CloudUnavailable): ...


class NotReady(CloudUnavailable): ...


class OutcomeUnknown(ElasticError): ...


class TooMuch(ElasticError): ...


class Stale(ElasticError): ...


class Superseded(ElasticError): ...


class Answered(ElasticError):
    """Raised in place of a mutation that was made before; `answer` is what was answered then."""

    def __init__(self, answer: Any) -> None:
        super().__init__("already answered")
        self.answer = answer


class CloudRefused(ElasticError): ...


class BadOrder(CloudRefused): ...


class NoRoom(CloudRefused): ...


class ServerGone(ElasticError): ...


class BadMessage(ElasticError): ...


class SensorFailed(ElasticError):
    """The text goes after the source's name: `does not answer: ...`."""
