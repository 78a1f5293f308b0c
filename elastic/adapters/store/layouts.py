"""The layout of a store: what a new one gets, and whether one that is there will do; for every adapter."""

from elastic.adapters.codec import FORMAT
from elastic.errors import BadRequest
from elastic.model.assignment import SLOTS, Layout

DEFAULT_PARTITIONS = 256


def fresh_layout(uid: str, partitions: int | None) -> Layout:
    """`partitions` None: as many as usual. BadRequest if there cannot be so many."""
    count = DEFAULT_PARTITIONS if partitions is None else partitions
    if not 1 <= count <= SLOTS:
        raise BadRequest(f"partitions has to be between 1 and {SLOTS}, not {count}")
    return Layout(uid, count, FORMAT)


def check_layout(layout: Layout, partitions: int | None, place: str) -> None:
    """BadRequest for a format newer than ours, and for another number of partitions than the store's."""
    if layout.format > FORMAT:
        raise BadRequest(f"{place} has format {layout.format}; this release reads up to {FORMAT}")
    if partitions not in (None, layout.partitions):
        raise BadRequest(f"{place} was made with {layout.partitions} partitions, and cannot be given {partitions}")
