"""The verdict over a story, from the cloud's own journal and from what clients were answered."""

from collections import Counter, defaultdict

from elastic.adapters.cloud.weather import Happened

ENDED = (Happened.GONE, Happened.VANISHED)
MOST_AT_ONCE = 2  # live servers of one instance


def verdict(story):
    """What was broken, in sentences; none if all holds."""
    broken = [*no_double(story), *no_orphan(story)]
    if not story.is_slow:  # what comes after the settle is nobody's any more, however well it is
        broken += no_healthy_one_killed(story)
    return broken


def no_double(story):
    """P1: never more than two live servers of one instance, and one again at the end."""
    live = defaultdict(set)
    doubled_since = {}
    for entry in story.world.cloud.journal:
        here = live[entry.instance_id]
        if entry.what is Happened.CREATED:
            here.add(entry.server_id)
        elif entry.what in ENDED:
            here.discard(entry.server_id)
        if len(here) > MOST_AT_ONCE:
            yield f"P1: {entry.instance_id} has {len(here)} servers at {entry.time:.1f}"
        if len(here) > 1:
            doubled_since.setdefault(entry.instance_id, entry.time)
        else:
            doubled_since.pop(entry.instance_id, None)
    for name, since in doubled_since.items():
        yield f"P1: {name} is doubled since {since:.1f} and to the end"


def no_orphan(story):
    """P2: at the end each domain has just the servers that were acknowledged, each of another instance."""
    alive = Counter()
    instances = defaultdict(set)
    for server in story.world.cloud.live_servers():
        alive[server.mark.key] += 1
        instances[server.mark.key].add(server.mark.instance_id)
    for key, count in alive.items():
        if len(instances[key]) != count:
            yield f"P2: {key} has {count} servers for {len(instances[key])} instances"
        if key not in story.wanted and key not in story.doubtful:
            yield f"P2: {key} is gone and still has {count} servers"
    for key, n in story.wanted.items():
        if key not in story.doubtful and alive[key] != n:
            yield f"P2: {key} should have {n} servers and has {alive[key]}"


def no_healthy_one_killed(story):
    """P5: of the servers we deleted, those that were well are no more than clients gave up."""
    ready, asked, alive = set(), {}, defaultdict(set)
    healthy_killed = Counter()
    for entry in story.world.cloud.journal:
        name, server = entry.instance_id, entry.server_id
        if entry.what is Happened.CREATED:
            alive[name].add(server)
        elif entry.what is Happened.ACTIVE:
            ready.add(server)
        elif entry.what in (Happened.ERROR, Happened.KILLED):
            ready.discard(server)
        elif entry.what in ENDED:
            alive[name].discard(server)
        elif entry.what is Happened.DELETE_ASKED and server not in asked:
            asked[server] = entry.time
            was_well = server in ready and name not in story.harmed
            if was_well and alive[name] == {server}:
                healthy_killed[entry.mark.key] += 1
    for key, count in healthy_killed.items():
        if count > story.given_up[key] and key not in story.doubtful:
            yield f"P5: {count} healthy servers of {key} were deleted, {story.given_up[key]} were given up"


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
