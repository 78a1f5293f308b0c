"""Whether each domain has its very servers in the end: by the cloud's own records, and by the kernel."""

from collections import Counter
from collections.abc import Iterable, Mapping

from elastic.model.domain import DomainKey


def lacks(
    wanted: Mapping[DomainKey, int], records: Iterable[tuple[DomainKey, str, bool]], living: Iterable[str]
) -> list[str]:
    """What is not as it should be. `records`: whose server, its instance, and whether its process lives.

    `living`: the instance of each process that is a server.
    """
    records, alive = list(records), Counter(living)
    there = Counter(key for key, _, lives in records if lives)
    known = Counter(instance for _, instance, _ in records)
    return [
        *(f"{key} has {there[key]} servers, not {n}" for key, n in sorted(wanted.items()) if there[key] != n),
        *(f"{key} is gone and has {n} servers" for key, n in sorted(there.items()) if key not in wanted),
        *(f"{instance} of {key} is on record and dead" for key, instance, lives in records if not lives),
        *(f"{instance} has {n} servers" for instance, n in sorted(known.items()) if n > 1),
        *(f"{instance} has {n} processes" for instance, n in sorted(alive.items()) if n > 1),
        *(f"{instance} lives and is on no record" for instance in sorted(alive.keys() - known.keys())),
    ]
