"""What the cloud's own journal tells of doubles."""

from collections import Counter

from elastic.adapters.cloud.weather import Happened

ENDED = (Happened.GONE, Happened.VANISHED)


def most_servers_at_once(world):
    """Of each instance, the most live servers that it ever had."""
    live, most = Counter(), Counter()
    for entry in world.cloud.journal:
        if entry.what is Happened.CREATED:
            live[entry.instance_id] += 1
        elif entry.what in ENDED:
            live[entry.instance_id] -= 1
        most[entry.instance_id] = max(most[entry.instance_id], live[entry.instance_id])
    return most
