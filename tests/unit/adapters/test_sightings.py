from elastic.adapters.membership.sightings import Sightings
from tests.contract.clocks import HandClock


def test_since_starts_anew_after_a_gap_and_after_a_death() -> None:
    clock = HandClock(monotonic=0.0)
    sightings = Sightings(clock)
    dead: set[str] = set()
    told = []
    for seen, dying in [
        ({"a"}, ()),
        ({"a"}, ()),
        (set(), ()),
        ({"a"}, ()),
        ({"a"}, {"a"}),
        ({"a"}, ()),
        ({"a"}, ()),
    ]:
        dead = set(dying)
        presence = sightings.of(seen, dead.__contains__).get("a")
        told.append(None if presence is None else (presence.since, presence.proved_dead))
        clock.advance(1)

    assert told == [(0, False), (0, False), None, (3, False), (3, True), (5, False), (5, False)]
