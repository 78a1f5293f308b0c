"""The opening of a store: who we are, what lies there already, and what is missing of it."""

import ssl
from collections.abc import Callable, Iterator
from itertools import islice

from elastic.adapters import codec
from elastic.adapters.store.layouts import check_layout, fresh_layout
from elastic.adapters.store.place import StorePlace
from elastic.adapters.store.zookeeper.acl import acl_of, check_tree
from elastic.adapters.store.zookeeper.address import parsed
from elastic.adapters.store.zookeeper.asks import Create, Exists
from elastic.adapters.store.zookeeper.paths import partition_name
from elastic.adapters.store.zookeeper.session import Forbidden, Session
from elastic.adapters.store.zookeeper.transaction import Refused
from elastic.errors import BadMessage, BadRequest, StoreUnavailable
from elastic.model.assignment import ROLES, Assignment, Layout

FOLDERS = (
    *("terms", "elections", "members", "weights", "partitions", "definitions", "types"),
    *("strays", "quarantine", "flags", "events"),
)
AT_ONCE = 200  # nodes made in one transaction
ROUNDS = 50  # against other replicas that make the same nodes at the same moment


def opened(place: StorePlace, fresh_uid: Callable[[], str]) -> tuple[Session, Layout]:
    """A session that stands, and the layout of the store, minted if there was none.

    BadRequest: it will not do, and why. StoreUnavailable: not now.
    """
    address = parsed(place.url)
    acl = acl_of(address, place.insecure)
    session = Session(address, place.cluster, place.session_timeout, acl)
    _start(session)
    try:
        if acl is not None:
            check_tree(session, acl)
        return session, prepared(session, place.partitions, fresh_uid)
    except Forbidden as fault:
        session.close()
        raise BadRequest(f"[store] url: {fault}") from fault
    except BaseException:
        session.close()
        raise


def prepared(session: Session, partitions: int | None, fresh_uid: Callable[[], str]) -> Layout:
    """Read the layout, or mint it. `partitions` None: whatever the store has.

    Raise BadRequest for a format newer than ours, and for another number of partitions than the store's.
    """
    layout = _stored(session)
    if layout is None:
        layout = _minted(session, fresh_layout(fresh_uid(), partitions))
    check_layout(layout, partitions, _name(session))
    _furnish(session, layout)
    return layout


def _start(session: Session) -> None:
    try:
        session.start()
    except StoreUnavailable as fault:
        faults = session.client.faults
        if faults and all(isinstance(fault, ssl.SSLCertVerificationError) for fault in faults):
            raise BadRequest(f"[store] url: ca_file: {fault}") from fault
        raise


def _stored(session: Session) -> Layout | None:
    found = session.get(session.at("layout"))
    if found is None:
        return None
    try:
        return codec.decode(found.data, Layout)
    except BadMessage as fault:
        raise BadRequest(f"{_name(session)}: {fault}") from fault


def _minted(session: Session, layout: Layout) -> Layout:
    parts = session.at().split("/")[1:]
    for depth in range(len(parts)):
        _make(session, [Create("/" + "/".join(parts[: depth + 1]))])
    _make(session, [Create(session.at("layout"), codec.encode(layout))])
    stored = _stored(session)  # another replica may have been faster
    if stored is None:
        raise StoreUnavailable(f"{_name(session)} was taken away as it was made")
    return stored


def _furnish(session: Session, layout: Layout) -> None:
    """Make what is missing of the nodes that are always there: whoever began may have died over it."""
    for _ in range(ROUNDS):
        missing = _missing(session, layout)
        batch = list(islice(missing, AT_ONCE))
        if not batch:
            return
        while batch:
            if not _make(session, batch):
                break
            batch = list(islice(missing, AT_ONCE))
    raise StoreUnavailable(f"{_name(session)}: its nodes are made and taken away by others")


def _missing(session: Session, layout: Layout) -> Iterator[Create]:
    root, terms, partitions = session.at(), session.at("terms"), session.at("partitions")
    top = set(session.children(root))
    yield from (Create(session.at(name)) for name in FOLDERS if name not in top)
    if "assignment" not in top:
        yield Create(session.at("assignment"), codec.encode(Assignment()))
    there = set(session.children(terms))
    yield from (Create(f"{terms}/{role}") for role in ROLES if role not in there)

    names = [partition_name(number) for number in range(layout.partitions)]
    there = set(session.children(partitions))
    yield from (Create(f"{partitions}/{name}", codec.encode(0)) for name in names if name not in there)
    keys = [f"{partitions}/{name}/.keys" for name in names]
    found = session.read([Exists(path) for path in keys])
    yield from (Create(path) for path, node in zip(keys, found, strict=True) if node is None)


def _make(session: Session, batch: list[Create]) -> bool:
    """False: another has made one of them."""
    try:
        session.write(batch, landed=lambda: None not in session.read([Exists(op.path) for op in batch]))
    except Refused as refused:
        if not (refused.is_there or refused.is_missing):
            raise
        return False
    return True


def _name(session: Session) -> str:
    return f"zookeeper://{session.address.hosts}{session.at()}"
