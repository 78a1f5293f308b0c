"""Who may do what with our nodes: we everything, others nothing.

ZooKeeper does not pass on a node's ACL to those below it: each has its own, so each is looked at.
"""

from collections.abc import Iterator

from kazoo.protocol.serialization import GetACL
from kazoo.security import ACL, Permissions, make_digest_acl

from elastic.adapters.store.zookeeper.address import Address
from elastic.adapters.store.zookeeper.asks import Children
from elastic.adapters.store.zookeeper.session import Session
from elastic.errors import BadRequest


def acl_of(address: Address, insecure: bool) -> list[ACL] | None:
    """What our nodes are made with; None: open to all. BadRequest if that was not said to be meant."""
    if address.user:
        return [make_digest_acl(address.user, address.secret, all=True)]
    if not insecure:
        raise BadRequest(
            "[store] url: no credentials in it, so that whoever reaches this ZooKeeper could read and change "
            "everything: write zookeeper://user:secret@..., or say [store] insecure = true"
        )
    return None


def check_tree(session: Session, ours: list[ACL]) -> None:
    """BadRequest names a node, of those down to the domains, that others may change."""
    our_ids = {acl.id for acl in ours}
    paths = list(_paths(session))
    for path, answer in zip(paths, session.ask(GetACL(path) for path in paths), strict=True):
        acls = answer[0] if answer else ()
        for acl in acls:
            if acl.perms & ~Permissions.READ and acl.id not in our_ids:
                raise BadRequest(
                    f"[store] url: {path} may be changed by {acl.id.scheme}:{acl.id.id}, so it was not made by "
                    f"{session.address.user}: make it so with zkCli's setAcl -R, or take another chroot"
                )


def _paths(session: Session) -> Iterator[str]:
    root = session.at()
    if session.get(root) is None:
        return
    yield root
    for name in session.children(root):
        yield session.at(name)
    for folder in ("terms", "elections", "definitions", "types"):
        yield from (session.at(folder, name) for name in session.children(session.at(folder)))
    partitions = [session.at("partitions", name) for name in session.children(session.at("partitions"))]
    yield from partitions
    for path, found in zip(partitions, session.read([Children(path) for path in partitions]), strict=True):
        yield from (f"{path}/{name}" for name in (found.children if found else ()))
