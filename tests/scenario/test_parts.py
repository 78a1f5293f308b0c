"""Ports, volumes and groups: made before a server, gone with it, and never two of what one instance has."""

from collections import Counter

import pytest

from elastic.adapters.cloud.furnished import FurnishedCloud
from elastic.adapters.cloud.weather import Weather
from elastic.model.parts import PartKind
from elastic.model.states import InstanceState
from tests.scenario.world import WEB, World

TYPE = {
    "common": {
        "flavor": "tiny",
        "image": "debian",
        "networks": ["net"],
        "volumes": [{"size": 1}],
        "group": "anti-affinity",
    },
    "sites": {"site": {}},
}
EACH = (PartKind.PORT, PartKind.VOLUME)


def furnished(**made: object) -> World:
    """A cloud with types, and ann's type `worker`, registered."""
    world = World.settled(cloud=FurnishedCloud, **made)
    world.ask("add_type", type_id="worker", type=TYPE)
    return world


def serve(world: World, n: int = 3) -> World:
    world.add(n=n, epuworker_type="worker")
    world.until(lambda: is_whole(world, n), 120)
    return world


def is_whole(world: World, n: int) -> bool:
    """Exactly n run, with a server, a port and a volume each and one group for all; and nothing else is there."""
    there = Counter(found.part.kind for found in world.cloud.all_parts())
    recorded = {part.part_id for i in world.view().instances for part in i.parts if not i.state.is_over}
    is_exact = {found.part.part_id for found in world.cloud.all_parts()} == recorded
    return (
        world.is_whole(n) and is_exact and [there[kind] for kind in EACH] == [n, n] and there[PartKind.GROUP] == 1
    )


def test_each_instance_gets_a_port_and_a_volume_and_all_share_a_group():
    serve(furnished())


def test_what_an_instance_had_goes_with_it_and_the_group_stays():
    world = serve(furnished())
    world.resize(1)
    world.until(lambda: is_whole(world, 1))
    world.cloud.vanish(world.live()[0].server_id)
    world.run(5)
    world.until(lambda: is_whole(world, 1))


def test_what_a_server_had_that_a_stranger_deleted_goes_with_its_record_and_not_by_a_sweep():
    """A sweep takes a few a turn, and a removed domain would be forgotten before."""
    world = serve(furnished())
    for server in world.live():
        world.cloud.vanish(server.server_id)
    world.run(5)
    world.until(lambda: is_whole(world, 3))
    assert not [e for e in world.store.events() if "a stray" in e.text]


def test_a_removed_domain_leaves_nothing_behind_not_even_its_group():
    world = serve(furnished())
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: not world.cloud.live_servers() and not world.cloud.all_parts(), 120)


@pytest.mark.hazard("F25")
def test_a_create_that_takes_effect_after_its_instance_is_to_go_fails_for_want_of_its_port():
    """Without the port it would come up, to be found by a listing after the settle: this way it never is."""
    world = furnished(weather=Weather(boot=(1.0, 3.0), create_late=1.0, late_by=(8.0, 8.0)))
    world.add(n=1, epuworker_type="worker")
    world.until(lambda: any(i.attempt for i in world.view().instances))
    world.resize(0)
    world.run(60)
    assert world.happened() == () or not world.cloud.all_servers()
    assert not any(e for e in world.cloud.journal)
    assert [i.state for i in world.view().instances] == [InstanceState.TERMINATED]


@pytest.mark.hazard("F25")
def test_of_two_creates_that_both_take_effect_one_fails_as_the_port_is_taken():
    world = furnished(weather=Weather(boot=(1.0, 3.0), create_late=0.5, late_by=(15.0, 40.0), reply_lost=0.3))
    serve(world, 6)
    for instance in world.view(WEB).instances:
        made = [e for e in world.cloud.journal if e.mark and e.mark.instance_id == instance.instance_id]
        assert len({e.server_id for e in made}) <= 1


@pytest.mark.hazard("F25")
def test_a_server_that_is_listed_long_after_the_settle_is_looked_for_again_as_its_port_is_in_use():
    """It is broken, so nobody hears of it either."""
    world = furnished(weather=Weather(boot=(1.0, 3.0), create_late=1.0, listing_lag=(10.0, 10.0)))
    world.add(n=1, epuworker_type="worker")
    world.until(lambda: world.cloud.all_servers(), 120)
    world.cloud.kill(world.cloud.all_servers()[0].server_id)
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: not world.cloud.all_servers() and not world.cloud.all_parts(), 120)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_weather_no_part_is_left_over(seed):
    weather = Weather(
        boot=(1.0, 3.0),
        reply_lost=0.2,
        create_unheard=0.1,
        read_unheard=0.1,
        delete_unheard=0.1,
        delete_reply_lost=0.2,
        listing_lag=(0.0, 10.0),
    )
    world = furnished(weather=weather, seed=seed)
    world.add(n=5, epuworker_type="worker")
    world.run(60)
    world.resize(2)
    world.run(30)
    world.resize(6)
    world.run(60)
    world.cloud.weather = Weather(boot=(1.0, 3.0))
    world.until(lambda: is_whole(world, 6), 900)


def test_a_type_that_cannot_be_had_is_refused_when_the_domain_is_added():
    world = furnished()
    with pytest.raises(Exception, match=r"engine_conf.epuworker_type: there is no deployable type 'lorry'"):
        world.add(n=1, epuworker_type="lorry")
    with pytest.raises(Exception, match=r"engine_conf.force_site: there is no site 'moon'"):
        world.add(n=1, epuworker_type="worker", force_site="moon")


def test_a_changed_type_holds_for_new_launches_only():
    world = serve(furnished(), 1)
    first = world.view().instances[0]
    bare = {"common": {"flavor": "tiny", "image": "debian"}, "sites": {"site": {}}}
    world.ask("update_type", type_id="worker", type=bare)
    world.resize(2)
    world.until(lambda: len(world.running()) == 2)
    assert [len(i.parts) for i in world.view().instances] == [3, 0]
    assert world.view().instances[0].parts == first.parts


@pytest.mark.parametrize("kept", [{}, {"networks": ["net"]}])
def test_what_a_first_attempt_had_goes_with_the_instance_though_its_type_asks_for_less_by_the_second(kept):
    """The member that noted the first is no more, so all is looked up anew."""
    world = furnished(weather=Weather(boot=(1.0, 3.0), create_unheard=1.0))
    world.add(n=1, epuworker_type="worker")
    world.until(lambda: any(i.attempt for i in world.view().instances))
    less = {"common": {"flavor": "tiny", "image": "debian", **kept}, "sites": {"site": {}}}
    world.ask("update_type", type_id="worker", type=less)
    world.holder().kill()
    world.cloud.weather = Weather(boot=(1.0, 3.0))
    world.until(lambda: is_whole(world, 1), 120)
    world.ask("remove_domain", domain_id="web")
    world.until(lambda: not world.cloud.live_servers() and not world.cloud.all_parts(), 120)
    assert not [e for e in world.store.events() if "a stray" in e.text]


def test_what_a_server_said_that_came_up_wrong_is_kept():
    world = furnished(weather=Weather(boot=(1.0, 3.0), boot_error=1.0))
    world.add(n=1, epuworker_type="worker")
    world.until(lambda: any(i.console for i in world.view().instances))
    failed = next(i for i in world.view().instances if i.console)
    assert failed.console == f"{failed.server_id}: it said this"
    shown = world.ask("describe_instance", instance_id=failed.instance_id)
    assert shown["console"] == failed.console
