"""The only legal changes of an instance's record. Pure.

Each function makes of the newest record its successor, or returns the very same record when there is nothing
to change (a late or repeated word). A state never goes backwards.
"""

from msgspec.structs import replace

from elastic.model.instance import Attempt, Instance
from elastic.model.parts import Part
from elastic.model.server import Server
from elastic.model.states import Health, InstanceState

MOST_CONSOLE = 2000
"""Characters that are kept of a console: some thirty lines, of each that failed, in the store."""


def advance(instance: Instance, state: InstanceState, now: float, reason: str = "") -> Instance:
    """Move forward to `state`; a step back or on the spot is old news."""
    if state <= instance.state:
        return instance
    health = Health.UNKNOWN if state.is_over else instance.health
    health_time = now if health is not instance.health else instance.health_time
    goes_wrong = state in (InstanceState.RUNNING_FAILED, InstanceState.FAILED)
    is_given_up = state is InstanceState.TERMINATING and instance.health is Health.MISSING
    return replace(
        instance,
        state=state,
        state_time=now,
        reason=reason or instance.reason,
        health=health,
        health_time=health_time,
        given_up=instance.health_time if is_given_up else instance.given_up,
        went_wrong=instance.went_wrong or goes_wrong,
    )


def attempted(
    instance: Instance, n: int, now: float, parts: tuple[Part, ...] = (), mute: bool = False
) -> Instance:
    """Note, before it is sent, that create number `n` is about to be, with what was made for it. What an earlier
    one had stays on record, unless this one has another in its place: its type may ask for less by now."""
    noted = advance(instance, InstanceState.REQUESTED, now)
    places = {(part.kind, part.number) for part in parts}
    earlier = tuple(part for part in instance.parts if (part.kind, part.number) not in places)
    return replace(noted, attempt=Attempt(n, now), parts=(*parts, *earlier), mute=mute)


def settled(instance: Instance, now: float, reason: str) -> Instance:
    """The attempt was noted and not sent: it counts for nothing. Another may follow."""
    if instance.attempt is None or not instance.attempt.open:
        return instance
    retrying = advance(instance, InstanceState.ERROR_RETRYING, now, reason)
    return replace(retrying, attempt=replace(instance.attempt, n=instance.attempt.n - 1, open=False))


def adopted(instance: Instance, server: Server, now: float) -> Instance:
    """Record its server, even of an instance no longer wanted: else none could delete it. Never overwrites."""
    if instance.server_id is not None:
        return instance
    attempt = replace(instance.attempt, open=False) if instance.attempt else None
    pending = advance(instance, InstanceState.PENDING, now, "accepted by the cloud")
    return addressed(replace(pending, server_id=server.server_id, attempt=attempt), server)


def addressed(instance: Instance, server: Server) -> Instance:
    """Take over the addresses that the cloud tells; what it does not tell is kept."""
    public, private = server.public_ip or instance.public_ip, server.private_ip or instance.private_ip
    ipv6, hostname = server.ipv6 or instance.ipv6, server.hostname or instance.hostname
    told = replace(instance, public_ip=public, private_ip=private, ipv6=ipv6, hostname=hostname)
    return instance if told == instance else told


def failed(instance: Instance, state: InstanceState, now: float, reason: str) -> Instance:
    """It never came up. `state`: FAILED or REJECTED. A server it may have is left over, to be deleted."""
    over = advance(instance, state, now, reason)
    if over is instance:
        return instance
    attempt = replace(instance.attempt, open=False) if instance.attempt else None
    is_something_left = instance.server_id is not None or bool(instance.parts)
    return replace(over, attempt=attempt, leftover=is_something_left)


def disappeared(instance: Instance, now: float, reason: str) -> Instance:
    """Its server is gone, and not by us. What was made beside it is left over, to be deleted."""
    over = advance(instance, InstanceState.TERMINATED, now, reason)
    return over if over is instance else replace(over, leftover=bool(instance.parts))


def told(instance: Instance, console: str) -> Instance:
    """Keep what it said before it is deleted."""
    return replace(instance, console=console[-MOST_CONSOLE:]) if console and not instance.console else instance


def cleared(instance: Instance) -> Instance:
    """What was left over of it is gone."""
    return replace(instance, leftover=False) if instance.leftover else instance


def pronounced(instance: Instance, health: Health, errors: tuple[str, ...], now: float) -> Instance:
    """Write down how it is; its errors stay when it goes silent."""
    if health is instance.health:
        return instance
    kept = instance.errors if health in (Health.OUT_OF_CONTACT, Health.MISSING, Health.UNKNOWN) else errors
    return replace(instance, health=health, health_time=now, errors=kept)


def announced(instance: Instance, word: str) -> Instance:
    return instance if instance.announced == word else replace(instance, announced=word)
