"""Who is to go and who is to finish its work first, and when the store took that: an end follows much later when
the cloud is away, and what was asked for by then may be asked for no more."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from elastic.model.states import InstanceState
from elastic.model.view import View
from elastic.rules.memos import draining
from tests.simulation.kernel import Kernel
from tests.simulation.plans import POLICED

ENDED = (InstanceState.TERMINATING, InstanceState.TERMINATED)  # and not: it failed
SPAN = 10  # seconds in which writes are counted


@dataclass(frozen=True)
class Parting:
    """Since `time` it is to go. `drains_since`: since when it was to finish its work first, null if it was not."""

    time: float
    domain: str
    instance_id: str
    drains_since: float | None


class Partings:
    """`gone`, of policed domains: by instance id. `drains`: who is to finish its work, and since when; `back`: who
    was to, and then was wanted again, and when. `sizes`: what each domain was to have, and since when. `writes`:
    how often roles wrote in each SPAN, by domain and the span's beginning."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.gone: dict[str, Parting] = {}
        self.back: dict[str, list[float]] = defaultdict(list)
        self.drains: dict[str, float] = {}
        self.sizes: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self.writes: Counter[tuple[str, int]] = Counter()

    def note(self, view: View) -> None:
        """So it stands after a write."""
        domain, now = str(view.key), self._kernel.now
        self.writes[domain, int(now // SPAN * SPAN)] += 1
        if domain not in POLICED:
            return
        named = draining(view.standing.memo)
        for instance in view.instances:
            name = instance.instance_id
            if instance.state.is_over:
                since = self.drains.pop(name, None)
                if instance.state in ENDED:
                    self.gone.setdefault(name, Parting(now, domain, name, since))
            elif name in named:
                self.drains.setdefault(name, now)
            elif self.drains.pop(name, None) is not None:
                self.back[name].append(now)
        self._note_size(domain, view.standing.desired)

    def _note_size(self, domain: str, size: int | None) -> None:
        past = self.sizes[domain]
        if size is not None and (not past or past[-1][1] != size):
            past.append((self._kernel.now, size))
