"""How kindly the simulated cloud treats its callers, and what it writes down of it."""

from enum import StrEnum

import msgspec

from elastic.model.server import Mark

Span = tuple[float, float]
"""The least and the most seconds; each case is drawn evenly between."""


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """Chances lie between 0 and 1. With the defaults everything works, and nothing takes long."""

    # What a create may meet, in this order.
    no_room: float = 0.0
    bad_order: float = 0.0
    create_unheard: float = 0.0  # CloudUnavailable, and nothing done
    create_late: float = 0.0  # CloudUnavailable, and the server appears after `late_by`
    reply_lost: float = 0.0  # CloudUnavailable, and the server is there
    late_by: Span = (0.0, 0.0)

    # What becomes of a new server.
    latency: Span = (0.0, 0.0)  # from an accepted request to its effect
    listing_lag: Span = (0.0, 0.0)  # from then until listings show it; GET shows it at once
    boot: Span = (0.0, 0.0)
    boot_error: float = 0.0
    vanishes: float = 0.0  # removed behind our back, `vanishes_after` its creation
    vanishes_after: Span = (0.0, 0.0)

    # What looking and deleting may meet.
    read_unheard: float = 0.0
    left_out: float = 0.0  # of one listing, a server: pages are no snapshot, and a cell may be down
    delete_unheard: float = 0.0  # CloudUnavailable, and nothing done
    delete_reply_lost: float = 0.0  # CloudUnavailable, and it will be deleted
    delete: Span = (0.0, 0.0)
    shown_deleted: Span = (0.0, 0.0)  # GET says DELETED for so long, then 404


class Happened(StrEnum):
    CREATED = "created"
    ACTIVE = "active"
    ERROR = "error"
    KILLED = "killed"  # its guest died; the server is still there
    DELETE_ASKED = "delete-asked"  # through the port: by us
    GONE = "gone"  # after that
    VANISHED = "vanished"  # gone, and nobody asked through the port


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that really happened. `time` is monotonic seconds of the cloud's clock.

    `mark` is None for a server that carries none.
    """

    time: float
    what: Happened
    server_id: str
    site: str
    mark: Mark | None = None

    @property
    def instance_id(self) -> str:
        return self.mark.instance_id if self.mark else ""
