"""A seed as a schedule: in what setting, and what befalls it when. Data only, so it can be cut down and kept."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

from tests.simulation.plans import PLANS, POLICED, Plan

DOMAINS = ("ann:web", "ann:db", "bob:web")
"""Those whose size clients say."""
OWNERS = tuple(dict.fromkeys(domain.partition(":")[0] for domain in DOMAINS))
CALM_FIRST = 4.0  # seconds until the cluster stands
LENGTH = 75.0  # seconds of trouble


@dataclass(frozen=True)
class Setting:
    """`is_slow`: the cloud breaks its promise: what it does may show when the settle delay is long over.
    `lag`: seconds by which reads may be behind. `most`: the largest size that a client asks for. `is_furnished`:
    servers are made with ports, a volume, a floating IP and a group. `plans`: by name, of the domains whose size a
    policy chooses, in the order of POLICED; `trials`: by name, what they go through when all is calm."""

    members: int = 3
    is_slow: bool = False
    lag: float = 0.0
    most: int = 4
    is_furnished: bool = False
    plans: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()

    @property
    def planned(self) -> dict[str, Plan]:
        """By domain."""
        return {domain: PLANS[plan] for domain, plan in zip(POLICED, self.plans, strict=False)}

    def __repr__(self) -> str:
        return _told(self)


@dataclass(frozen=True)
class Trouble:
    """`at`: seconds. `who`: a member, or a domain. `pick` between 0 and 1: which one of those there are then."""

    at: float
    kind: str
    who: str = ""
    seconds: float = 0.0
    number: int = 0
    pick: float = 0.0
    flag: bool = False

    def __repr__(self) -> str:
        return _told(self)


@dataclass(frozen=True)
class Schedule:
    seed: int
    setting: Setting
    troubles: tuple[Trouble, ...]


def _told(record: object) -> str:
    """As Python that makes it again."""
    given = [(f.name, getattr(record, f.name), f.default) for f in fields(record)]
    said = ", ".join(f"{name}={value!r}" for name, value, default in given if value != default)
    return f"{type(record).__name__}({said})"


def drawn(seed: int) -> Schedule:
    """The schedule of that seed."""
    chance = random.Random(f"schedule {seed}")
    setting = Setting(
        members=chance.choice((2, 3, 3, 3, 4)),
        is_slow=seed % 5 == 0,
        lag=chance.choice((0.0, 0.0, 0.3, 1.5)),
        most=chance.choice((3, 4, 6, 8, 10)),
        is_furnished=seed % 4 == 1,
    )
    members = "abcdefg"[: setting.members]
    troubles = [Trouble(CALM_FIRST, "add", DOMAINS[0], number=chance.randint(1, setting.most))]
    at = CALM_FIRST + 3.0
    kinds = [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]
    while at < LENGTH:
        kind = chance.choice(kinds)
        given = KINDS[kind][1](chance, members, setting)
        troubles.append(Trouble(round(at, 2), kind, **given))
        at += chance.choice((0.1, 0.4, 1.0, 2.0, 4.0))
    if setting.is_furnished:
        troubles = sorted([*troubles, *_with_parts(seed)], key=lambda trouble: trouble.at)
    return _with_policies(Schedule(seed, setting, tuple(troubles)))


def _with_policies(schedule: Schedule) -> Schedule:
    """By dice of their own, too."""
    chance = random.Random(f"policies {schedule.seed}")
    domains = POLICED if schedule.seed % 6 == 0 else POLICED[:1]
    trials = tuple(TRIALS[(schedule.seed // 2 + 3 * n) % len(TRIALS)] for n, _ in enumerate(domains))
    plans = tuple(chance.choice(tuple(PLANS)) for _ in trials)
    if UNANSWERED in trials:  # where no time is ever over, nothing would come of it
        ending = ENDING[schedule.seed // 16 % len(ENDING)]
        plans = tuple(ending if trial == UNANSWERED else plan for plan, trial in zip(plans, trials, strict=True))
    is_tried = schedule.seed % 2 == 0  # each costs half a minute of the story's time
    setting = replace(schedule.setting, plans=plans, trials=trials if is_tried else ())
    troubles = list(schedule.troubles)
    for number, domain in enumerate(domains):
        at, most = round(CALM_FIRST + 0.5 + 4 * number * chance.random(), 2), chance.randint(2, 5)
        troubles.append(Trouble(CALM_FIRST, "demand", domain, number=most, pick=round(chance.random(), 3)))
        troubles.append(Trouble(at, "add", domain, number=most))
    kinds = [kind for kind, (weight, _) in POLICIES.items() for _ in range(weight)]
    for _ in range(chance.randint(7, 10) * (1 + len(domains))):
        kind, at = chance.choice(kinds), round(chance.uniform(CALM_FIRST + 6.0, LENGTH), 2)
        troubles.append(Trouble(at, kind, **POLICIES[kind][1](chance, "", setting)))
    return replace(schedule, setting=setting, troubles=tuple(sorted(troubles, key=lambda trouble: trouble.at)))


def _with_parts(seed: int) -> Iterator[Trouble]:
    """By dice of their own: what befalls the rest is the same with and without."""
    chance = random.Random(f"parts {seed}")
    for _ in range(chance.randint(4, 10)):
        at = round(chance.uniform(CALM_FIRST + 3.0, LENGTH), 2)
        yield Trouble(at, chance.choice(PARTS), number=chance.randint(0, 9), pick=round(chance.random(), 3))


Given = dict[str, object]
Draw = Callable[[random.Random, str, Setting], Given]


def _member(least: float, most: float) -> Draw:
    def draw(chance: random.Random, members: str, _: Setting) -> Given:
        return {
            "who": chance.choice(members),
            "seconds": round(chance.uniform(least, most), 2),
            "flag": chance.random() < 0.5,
        }

    return draw


def _at_a_step(chance: random.Random, members: str, _: Setting) -> Given:
    return {
        "who": chance.choice(members),
        "number": chance.randint(1, 8),
        "seconds": round(chance.uniform(1.0, 10.0), 2),
        "flag": chance.random() < 0.5,
    }


def _while(least: float, most: float) -> Draw:
    return lambda chance, _members, _setting: {"seconds": round(chance.uniform(least, most), 2)}


def _domain(chance: random.Random, _: str, setting: Setting) -> Given:
    return {
        "who": chance.choice(DOMAINS),
        "number": chance.choice((1, setting.most, chance.randint(1, setting.most))),
    }


def _resized(chance: random.Random, _: str, setting: Setting) -> Given:
    return {"who": chance.choice(DOMAINS), "number": chance.randint(0, setting.most)}


def _some_server(chance: random.Random, _members: str, _setting: Setting) -> Given:
    return {"pick": round(chance.random(), 3)}


def _muted(chance: random.Random, _members: str, _setting: Setting) -> Given:
    return {
        "who": chance.choice((*DOMAINS, "", "")),
        "seconds": round(chance.uniform(8.0, 45.0), 2),
    }


def _clock(chance: random.Random, members: str, _: Setting) -> Given:
    return {"who": chance.choice(members), "number": chance.choice((-3600, -30, -6, 6, 30, 3600))}


def _quota(chance: random.Random, _members: str, setting: Setting) -> Given:
    return {"number": chance.randint(0, setting.most + 2), "seconds": round(chance.uniform(2.0, 20.0), 2)}


KINDS: dict[str, tuple[int, Draw]] = {
    # what clients want
    "add": (3, _domain),
    "resize": (4, _resized),
    "remove": (2, _domain),
    "terminate": (1, _some_server),
    # what befalls members
    "kill": (2, _member(0.5, 8.0)),
    "die_at_a_step": (4, _at_a_step),
    "freeze": (2, _member(0.5, 12.0)),
    "freeze_at_a_step": (3, _at_a_step),
    "retire": (1, _member(0.5, 6.0)),
    "clock": (2, _clock),
    # what befalls their lines
    "lose_store": (3, _member(0.2, 6.0)),
    "lose_store_at_a_step": (3, _at_a_step),
    "lose_bus": (2, _member(0.5, 20.0)),
    "lose_bus_in_a_call": (2, _member(0.2, 4.0)),
    "lose_cloud": (1, _member(1.0, 15.0)),
    "lag": (1, _member(0.5, 2.0)),
    # what befalls servers
    "store_down": (1, _while(0.5, 10.0)),
    "store_slow": (1, _while(2.0, 8.0)),
    "bus_down": (1, _while(0.5, 25.0)),
    "bus_rude": (2, _while(3.0, 12.0)),
    "cloud_down": (1, _while(1.0, 25.0)),
    "cloud_slow": (1, _while(2.0, 12.0)),
    "quota": (1, _quota),
    "engine_hangs": (1, _while(0.5, 9.0)),
    "engine_raises": (1, _while(0.5, 9.0)),
    # what befalls VMs
    "silence": (2, _some_server),
    "sicken": (1, _some_server),
    "break_guest": (2, _some_server),
    "vanish": (2, _some_server),
    "mute": (3, _muted),
    "plant_foreign": (1, _some_server),
    "plant_stray": (1, _some_server),
    "plant_left": (1, _some_server),
}
PARTS = ("plant_foreign_part", "plant_stray_part", "plant_left_part", "lose_part", "retype")
"""What befalls parts."""


def _policed(chance: random.Random, _members: str, setting: Setting) -> Given:
    return {
        "who": chance.choice(tuple(setting.planned)),
        "number": chance.randint(2, 5),
        "seconds": round(chance.uniform(0.5, 12.0), 2),
        "pick": round(chance.random(), 3),
    }


def _badly(chance: random.Random, _members: str, _setting: Setting) -> Given:
    return {
        "number": chance.randint(0, 4),
        "seconds": round(chance.uniform(2.0, 30.0), 2),
        "flag": chance.random() < 0.5,
    }


UNANSWERED = "drain that is not answered"
ENDING = tuple(name for name, plan in PLANS.items() if plan.longest_drain is not None)
POLICIES: dict[str, tuple[int, Draw]] = {
    "demand": (6, _policed),
    "tell_badly": (3, _badly),
    "toil": (4, _policed),
    "lose_drainer": (2, _policed),
    "protect": (2, _policed),
    "unprotect": (1, _policed),
    "resize": (1, _policed),
    "remove": (1, _policed),
    "add": (1, _policed),
}
"""What befalls domains that a policy sizes."""
TRIALS = (
    "rise",
    "fall",
    "death without data",
    "death in the cooldown",
    "drain that is answered",
    UNANSWERED,
    "drain that is taken back",
    "death of who drains",
)
"""What is tried when all is calm, each named as in `trials.py`."""
