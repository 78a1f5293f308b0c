"""Hazards of the design, each told with whole replicas where no other story tells it."""

import pytest

from elastic.adapters.cloud.weather import Happened, Weather
from elastic.model.domain import DomainKey
from tests.scenario.judge import most_servers_at_once
from tests.scenario.world import IMPATIENT, PATIENT, WEB, World

SESSION, SETTLE = PATIENT.session_timeout, PATIENT.settle
FAIR = Weather(boot=(1.0, 2.0))
SHY = Weather(boot=(1.0, 2.0), listing_lag=(SETTLE + 6 * SESSION, SETTLE + 6 * SESSION))
KEYS = tuple(DomainKey(owner, f"d{n}") for owner in ("ann", "bob") for n in range(3))


def recorded(world):
    (instance,) = world.view().instances
    return instance.server_id


@pytest.mark.hazard("F1")
def test_f1_a_deposed_provisioner_takes_nothing_from_its_successor():
    """It has made a server and fallen asleep before it recorded it; its successor, who cannot see that server yet,
    has made and recorded another. When it wakes, its own is the double, whatever it believes."""
    world = World.settled(members="ab", weather=SHY)
    deposed, woken = world.holder(), []

    def sleep(where):
        if where != "after create":
            deposed.fuse.light(1, True, sleep)
            return
        world.cloud.weather = FAIR
        deposed.sleep(SETTLE + 8 * SESSION)
        woken.append(recorded(world))

    deposed.fuse.light(1, True, sleep)
    world.add(n=1)
    world.until(lambda: woken)
    early, late = (entry.server_id for entry in world.happened(Happened.CREATED))
    assert woken == [late]
    world.until(lambda: {s.server_id for s in world.live()} == {late})
    world.run(20)
    assert world.is_whole(1)
    assert {e.server_id for e in world.happened(Happened.DELETE_ASKED)} == {early}
    assert max(most_servers_at_once(world).values()) == 2


class Signed:
    """A store that notes who has written to which domain."""

    def __init__(self, inner, name, writers):
        self._inner, self._name, self._writers = inner, name, writers

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name != "commit":
            return found

        def commit(view, *args):
            done = found(view, *args)
            self._writers.setdefault(view.key, set()).add(self._name)
            return done

        return commit


@pytest.mark.hazard("F16")
def test_f16_one_member_does_all_there_is_to_do_for_a_domain():
    """It decides, launches, hears, judges, replaces and forgets: nobody else writes a record of it."""
    world, writers = World.settled(), {}
    for replica in world.replicas.values():
        replica.store.__dict__["inner"] = Signed(world.store, replica.name, writers)
    for key in KEYS:
        world.add(key, n=2)
    world.until(lambda: all(world.is_whole(2, key) for key in KEYS))
    holders = {key: world.holder(key).name for key in KEYS}
    assert len(set(holders.values())) == 3
    for key in KEYS:
        next(vm for vm in world.vms.values() if vm.key == key).silent = True
        world.cloud.kill(world.live(key)[-1].server_id)
    world.until(lambda: all(world.is_whole(2, key) for key in KEYS))
    world.run(20)
    for key in KEYS:
        world.ask("remove_domain", key.owner, domain_id=key.name)
    world.until(lambda: not world.store.all_domains())
    assert writers == {key: {holder} for key, holder in holders.items()}


@pytest.mark.hazard("F22")
def test_f22_while_the_store_is_away_all_are_heard_and_nobody_is_suspected_when_it_is_back():
    """But the one that has fallen silent meanwhile: it is found out, with its full time from the return."""
    world = World.settled()
    world.add(n=3)
    world.until(world.is_whole)
    world.run(3)
    for replica in world.replicas.values():
        replica.lose_store()
    silent = next(iter(world.vms.values()))
    silent.silent = True
    world.run(60)
    journal, back = len(world.store.events()), world.clock.monotonic()
    for replica in world.replicas.values():
        replica.find_store()
    world.until(lambda: silent.instance_id not in world.running(), within=30)
    assert world.clock.monotonic() - back > IMPATIENT["missing_timeout"]
    world.until(world.is_whole)
    told = {event.instance_id for event in world.store.events()[journal:] if event.kind == "health"}
    assert told == {silent.instance_id}
    assert {e.server_id for e in world.happened(Happened.DELETE_ASKED)} == {silent.server_id}
    assert WEB in world.store.all_domains()
