"""Parts that end their replica at a chosen step, or do not answer it."""

from collections.abc import Callable
from typing import Any

from elastic.errors import CloudUnavailable, StoreUnavailable

STORE_WRITES = frozenset(
    [
        "raise_term",
        "assign",
        "describe_member",
        "note_strays",
        "quarantine",
        "commit",
        "forget_domain",
        "log",
        "change",
        "add_domain",
    ]
)
CLOUD_DEEDS = frozenset({"create", "delete"})


class Died(BaseException):
    """The process is gone: nothing catches it but the world."""


def die(where: str) -> None:
    raise Died(where)


class Fuse:
    """Burns down with each step; at zero the replica dies (or `then` happens), `after` the step is done or
    before it."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.after = False
        self.then: Callable[[str], None] = die
        self.steps: list[str] = []

    def light(self, left: int, after: bool, then: Callable[[str], None] = die) -> None:
        self.left, self.after, self.then = left, after, then

    def around(self, name: str, step: Callable[[], Any]) -> Any:
        self.steps.append(name)
        if self.left is None:
            return step()
        self.left -= 1
        if self.left > 0:
            return step()
        self.left = None
        if not self.after:
            self.then(f"before {name}")
            return step()
        done = step()
        self.then(f"after {name}")
        return done


class Fragile:
    """Stands in front of a store or a cloud as one replica sees it."""

    def __init__(self, inner: Any, fuse: Fuse, steps: frozenset[str], silence: type[Exception]) -> None:
        self.__dict__.update(inner=inner, fuse=fuse, steps=steps, silence=silence, cut=False)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.cut:
                raise self.silence("cut off")
            if name not in self.steps:
                return found(*args, **kwargs)
            return self.fuse.around(name, lambda: found(*args, **kwargs))

        return call


def fragile_store(store: Any, fuse: Fuse) -> Fragile:
    return Fragile(store, fuse, STORE_WRITES, StoreUnavailable)


def fragile_cloud(cloud: Any, fuse: Fuse) -> Fragile:
    return Fragile(cloud, fuse, CLOUD_DEEDS, CloudUnavailable)
