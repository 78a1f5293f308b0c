"""A replica is told other numbers while it runs."""

from dataclasses import replace

from msgspec.structs import replace as other

from elastic.adapters.cloud.weather import Happened
from tests.scenario.world import PATIENT, World


def test_new_numbers_hold_from_the_next_turn_on():
    world = World(tuning=replace(PATIENT, survey=50.0))
    world.until(lambda: world.store.assignment().serial)
    world.add(n=2)
    world.run(20)
    assert not world.is_whole(2)  # nobody has looked whether they are up
    for replica in world.replicas.values():
        replica.agent.retune(PATIENT)
    world.until(lambda: world.is_whole(2), within=60)


def test_every_number_that_may_change_is_turned():
    world = World(members="a")
    agent = world.replicas["a"].agent
    told = replace(
        PATIENT,
        debounce=91.0,
        decide=92.0,
        budget=93.0,
        survey=94.0,
        probe=95.0,
        sweep=96.0,
        grace=97.0,
        record_max_age=98.0,
        settle=99.0,
        cloud_timeout=90.0,
        resync=89.0,
        brake=other(PATIENT.brake, share=0.88, count=87, trickle=86.0),
        site_brake_count=85,
    )
    agent.retune(told)
    dials = agent.staff.dials
    assert dials.assigner.debounce == 91.0
    assert (dials.decider.interval, dials.decider.brake_policy) == (92.0, told.brake)
    assert dials.thoughts.budget == 93.0
    assert {dials.surveyor.interval, dials.tally.interval, dials.provisioner.survey_interval} == {94.0}
    assert dials.pipe.interval == 95.0
    assert (dials.sweep.interval, dials.sweep.grace) == (96.0, 97.0)
    assert (dials.reaper.max_age, dials.resync.period, dials.provisioner.settle) == (98.0, 89.0, 99.0)
    parts = (dials.alibis, dials.calls, dials.surveyor, dials.sweep)
    assert {part.timeout for part in parts} == {90.0}
    assert (dials.tally.share, dials.tally.count) == (0.88, 85)


def test_a_shorter_patience_of_the_sweep_is_obeyed():
    world = World(tuning=replace(PATIENT, sweep=1000.0))
    world.until(lambda: world.store.assignment().serial)
    world.add(n=1)
    world.until(lambda: world.is_whole(1))
    mark = world.live()[0].mark
    world.run(5)
    stray = world.cloud.plant("site", other(mark, instance_id=mark.instance_id.replace("-1-1", "-1-0")))
    world.run(60)
    assert stray in {s.server_id for s in world.cloud.live_servers()}
    for replica in world.replicas.values():
        replica.agent.retune(PATIENT)
    world.until(lambda: stray not in {s.server_id for s in world.cloud.live_servers()}, within=60)
    assert [e.server_id for e in world.cloud.journal if e.what is Happened.DELETE_ASKED] == [stray]
