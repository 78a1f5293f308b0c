"""What came about in a story, and how often: that no guarantee broke says little where nothing tried it."""

from collections import Counter
from collections.abc import Mapping

from elastic.adapters.cloud.furnished import NO_PARTS
from tests.simulation.met_policies import POLICIES
from tests.simulation.story import Story

EVENTS: Mapping[str, tuple[str, str]] = {
    "an instance ran": ("running", ""),
    "a domain was removed and forgotten": ("removed", ""),
    "a client changed a size": ("reconfigured", "preserve_n"),
    "another came to lead": ("leader", ""),
    "an ill one was replaced": ("replaced", "its health is"),
    "one that came up wrong was replaced": ("replaced", "it came up wrong"),
    "one was found missing": ("health", "-> MISSING"),
    "one that was given up was heard again": ("health", "-> OK"),
    "the brake was put on": ("brake", "fell silent together"),
    "the brake was taken off": ("brake", "is off"),
    "the cloud refused": ("failed", "Quota exceeded"),
    "the cloud reported an error": ("failed", "the cloud reports ERROR"),
    "a server was gone": ("terminated", "no longer has its server"),
    "a double was deleted": ("terminated", "a double of a living instance"),
    "a stray was deleted": ("terminated", "a stray"),
    "a stray port was deleted": ("terminated", "port port-"),
    "there was no room for a part": ("failed", NO_PARTS),
}
"""By the store's events: kind, and words in the text."""

BESIDE = (
    "a call was answered by its key",
    "a call was handed to another member",
    "a session ended",
    "a write was refused: Answered",
    "a write was refused: Stale",
    "a write was refused: Superseded",
    "an outcome was read back",
    "somebody read what was no longer so",
)
"""By the simulated servers, which count them (`Kernel.met`)."""


def met(story: Story) -> Counter[str]:
    world = story.world
    events = world.server.store.events()
    seen = {
        name: sum(event.kind == kind and words in event.text for event in events)
        for name, (kind, words) in EVENTS.items()
    }
    policies = {name: count(story) for name, count in POLICIES.items()}
    return Counter(seen) + Counter({name: world.kernel.met[name] for name in BESIDE}) + Counter(policies)
