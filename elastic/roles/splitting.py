"""What is too much for one transaction, written in parts."""

from dataclasses import replace

from elastic.model.view import View
from elastic.ports.store import Commit


def halves(commit: Commit, view: View, ids: tuple[str, str]) -> tuple[Commit, Commit] | None:
    """Records that lie together in the view stay together, and those to be added come last.

    The first half says what was concluded: the second has records only. None of what names one record or less.
    """
    changed = [i.instance_id for i in view.instances if i.instance_id in commit.changes]
    known = set(changed)
    changed += [name for name in commit.changes if name not in known]
    added = list(commit.added)
    middle = (len(changed) + len(added)) // 2
    if not middle:
        return None
    split = max(0, middle - len(changed))
    one = replace(commit, id=ids[0], changes={n: commit.changes[n] for n in changed[:middle]}, added=added[:split])
    other = Commit(
        id=ids[1],
        decides=commit.decides,
        changes={name: commit.changes[name] for name in changed[middle:]},
        added=added[split:],
    )
    return one, other
