"""A silent VM is asked where its last heartbeat said; one that left no address is given up without."""

from elastic.adapters.bus.memory_broker import Parcel
from elastic.model.states import Health
from tests.scenario.world import World


def watched() -> tuple[World, list[str]]:
    """A domain of one, and the addresses asked at."""
    world, asked = World.settled(members="a"), []

    def meddle(parcel: Parcel) -> tuple[int, ...]:
        if parcel.kind == "ask":
            asked.append(parcel.to)
        return (0,)

    world.broker.meddle = meddle
    world.add(n=1)
    world.until(lambda: world.is_whole(1))
    return world, asked


def told(world: World, name: str) -> list[str]:
    return [event.text for event in world.store.events() if event.instance_id == name and event.kind == "health"]


def test_it_is_asked_once_at_its_newest_address():
    world, asked = watched()
    vm = next(iter(world.vms.values()))
    vm._voice.stop()
    vm._voice.start(vm.beat)
    address = vm._voice._address
    vm.beat()
    world.step(0.25)
    assert asked == []
    vm.silent = True
    world.until(lambda: vm.instance_id not in world.running(), within=90)
    assert asked == [address]
    assert any("silent, and no answer when asked" in text for text in told(world, vm.instance_id))


def test_one_that_answers_lives_on():
    world, asked = watched()
    vm = next(iter(world.vms.values()))
    vm.silent = True
    world.until(lambda: world.view().instances[0].health is Health.OUT_OF_CONTACT, step=0.25)
    assert len(asked) == 1
    vm.silent = False
    world.until(lambda: world.view().instances[0].health is Health.OK)
    assert vm.instance_id in world.running()


def test_one_that_left_no_address_is_not_asked_and_the_record_says_so():
    world, asked = watched()
    vm = next(iter(world.vms.values()))
    vm._voice.stop()
    vm.beat()
    world.step(0.25)
    vm.silent = True
    world.until(lambda: vm.instance_id not in world.running(), within=90)
    assert asked == []
    assert any("left no address to ask it at" in text for text in told(world, vm.instance_id))
