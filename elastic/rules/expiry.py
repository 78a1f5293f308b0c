"""Which records have outlived their use. Pure."""

from collections.abc import Callable

from elastic.model.instance import Instance
from elastic.model.view import View


def expired(
    view: View, max_age: float, wall: float, seconds_seen: Callable[[Instance], float]
) -> tuple[Instance, ...]:
    """Final records older than `max_age` seconds both by their stamp and by our own watching.

    Those of a removed domain go at once: nobody asks for them any more.
    """
    if view.domain.removed:
        return tuple(i for i in view.instances if _is_spent(i))
    return tuple(
        i for i in view.instances if _is_spent(i) and wall - i.state_time > max_age and seconds_seen(i) > max_age
    )


def _is_spent(instance: Instance) -> bool:
    return instance.state.is_final and not instance.leftover
