"""A question drawn by chance: any engine, a valid config, whatever instances, sensors and memo there may be."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec

from elastic.model.actions import Candidate, Question, Sample, Work
from elastic.model.states import Health, InstanceState

NAMES = "abcdefghijkl"
SITES = ("A", "B", "C")
METRICS = ("load", "ready", "unacked", "running_acked", "arrival_rate", "service_time", "value")
STATES, ILLS = tuple(InstanceState), tuple(Health)
FAILED = (InstanceState.FAILED, InstanceState.REJECTED)
NOW = 1_000.0
VALUES = (None, 0, 0.1, 1, 3, 7, 12, 40, -5, 1e15, 1e300)


class Bounds(NamedTuple):
    """What the config means for an answer. `maximum` null: none. `sites`: where it may launch, and how many each
    may hold. `moves`: what is at another site has to go. `condemned`: the id of one that has to."""

    minimum: int
    maximum: int | None
    sites: Mapping[str, int | None]
    moves: bool = False
    condemned: str | None = None


class Asked(NamedTuple):
    question: Question
    bounds: Bounds

    def line(self, number: int) -> str:
        """As `elastic whatif decide` takes it."""
        question = self.question
        domain = {key: getattr(question, key) for key in ("engine", "engine_conf", "removed", "share")}
        rest = {key: getattr(question, key) for key in ("instances", "sensors", "now", "memo")}
        return msgspec.json.encode({"id": number, "in": {"domain": domain, **rest}}).decode()


def asked(chance: Random) -> Asked:
    engine = chance.choice(tuple(CONFS))
    conf, bounds = CONFS[engine](chance)
    conf |= {"victims": chance.choice(("newest", "oldest")), "reclaim": chance.random() < 0.3}
    question = Question(
        engine=engine,
        engine_conf=conf,
        removed=chance.random() < 0.02,
        share=chance.choice((None, None, small(chance))),
        instances=instances(chance),
        sensors=samples(chance),
        now=NOW + chance.choice((0, 0.1, 7)),
        memo=memo(chance),
    )
    return Asked(question, bounds)


def instances(chance: Random) -> tuple[Candidate, ...]:
    """In any state; or most of them failed."""
    states = FAILED if chance.random() < 0.25 else STATES
    names = chance.sample(NAMES, chance.randint(0, 10))
    return tuple(candidate(name, states, chance) for name in names)


def candidate(name: str, states: Sequence[InstanceState], chance: Random) -> Candidate:
    odd = chance.random() < (0.5 if states is STATES else 0.8)
    return Candidate(
        instance_id=name,
        state=chance.choice(states) if odd else InstanceState.RUNNING,
        health=chance.choice(ILLS) if odd else Health.OK,
        state_time=moment(chance),
        site=chance.choice((None, "A", "A", "B", "C", "X")),
        extravars={"shard": chance.choice(("1", 1, "2", None))} if chance.random() < 0.2 else {},
        protected=chance.random() < 0.2,
        sensors=samples(chance) if chance.random() < 0.3 else {},
        work=chance.choice((None, Work(), Work(active=1), Work(reserved=2), Work(scheduled=1))),
    )


def samples(chance: Random) -> dict[str, Sample]:
    """Fresh, stale, of the future, without a value, or none."""
    return {
        name: Sample(moment(chance), chance.choice(VALUES)) for name in METRICS[: chance.randint(0, len(METRICS))]
    }


def moment(chance: Random) -> float:
    return NOW + chance.choice((0, 3, -0.1, -1, -4, -9, -15, -60, -90, -91, -300.5, -900))


def memo(chance: Random) -> dict[str, Any] | None:
    """As any of the engines may have left it."""
    if chance.random() < 0.3:
        return None
    change = {"at": moment(chance), "direction": chance.choice(("in", "out"))}
    said = {
        "size": chance.choice((None, small(chance), float(small(chance)))),
        "last_change": chance.choice((None, change)),
        "draining": chance.sample((*NAMES, "z"), chance.randint(0, 4)),
        "history": [[moment(chance), chance.choice((small(chance), 10**6))] for _ in range(chance.randint(0, 3))],
        "misses": chance.randint(0, 4),
        "of another engine": [1.5],
    }
    return {key: said[key] for key in said if chance.random() < 0.8}


def small(chance: Random) -> int:
    return chance.randint(0, 9)


def simplest(chance: Random, key: str = "preserve_n") -> tuple[dict[str, Any], Bounds]:
    size = small(chance)
    conf = {key: size, "force_site": "A", "epuworker_type": "w"}
    return conf, Bounds(size, size, {"A": None})


def phantom(chance: Random) -> tuple[dict[str, Any], Bounds]:
    return simplest(chance, "domain_desired_size")


def one_site(chance: Random) -> dict[str, Any]:
    conf: dict[str, Any] = {"deployable_type": "w", "iaas_site": "A"}
    conf["retirable_nodes"] = chance.sample(NAMES, chance.randint(0, 3))
    if chance.random() < 0.3:
        conf |= {"unique_key": "shard", "unique_values": chance.choice((["1", 2, "x"], "1, 2,3,,4", []))}
    return conf


def needy(chance: Random) -> tuple[dict[str, Any], Bounds]:
    size = small(chance)
    return {"preserve_n": size, **one_site(chance)}, Bounds(size, size, {"A": None})


def phantom_multi(chance: Random) -> tuple[dict[str, Any], Bounds]:
    size, sites = small(chance), some_sites(chance)
    conf = {"preserve_n": size, "sites": sites, "deployable_type_name": "w", "instance_type": "s"}
    return conf, Bounds(size, size, dict.fromkeys(sites), moves=True)


def some_sites(chance: Random) -> list[str]:
    return chance.sample(SITES, chance.randint(1, len(SITES)))


def thresholds(chance: Random) -> dict[str, Any]:
    conf = {
        "metric": chance.choice((None, "load", "load", "ready")),
        "scale_up_threshold": chance.choice((None, 5, 0.1)),
        "scale_down_threshold": chance.choice((None, 0.1, 3, -2)),
        "scale_up_n_vms": chance.randint(0, 4),
        "scale_down_n_vms": chance.randint(-3, 3),
        "cooldown_period": chance.choice((0, 5, 60.5)),
        "sample_period": chance.choice((90, 10, 0.5)),
    }
    return {key: conf[key] for key in conf if chance.random() < 0.9}


def sensor(chance: Random) -> tuple[dict[str, Any], Bounds]:
    least, more = small(chance), small(chance)
    conf = {"minimum_vms": least, "maximum_vms": least + more, **thresholds(chance), **one_site(chance)}
    return conf, Bounds(least, least + more, {"A": None})


def overflow(chance: Random) -> tuple[dict[str, Any], Bounds]:
    least, more, write = small(chance), chance.choice((None, small(chance))), chance.choice((int, float, str))
    sites = {name: chance.choice((-1, 0, 1, 2, 5)) for name in some_sites(chance)}
    clouds = [
        {"site_name": name, "size": write(size), "rank": write(rank)}
        for rank, (name, size) in enumerate(sites.items(), 1)
    ]
    most, condemned = None if more is None else least + more, chance.choice((None, None, *NAMES[:4]))
    conf = {
        "clouds": clouds,
        "dtname": "w",
        "minimum_vms": write(least),
        "maximum_vms": most,
        "terminate": condemned,
        **thresholds(chance),
    }
    room = {name: None if size < 0 else size for name, size in sites.items()}
    return conf, Bounds(least, most, room, moves=True, condemned=condemned)


LAWS: tuple[dict[str, Any], ...] = (
    {"engine": "fixed", "size": 3},
    {"engine": "fixed", "size": 8},
    {"engine": "backlog_ratio"},
    {"engine": "backlog_ratio", "legacy": True},
    {"engine": "backlog_ratio", "maintain_min_idle": True, "release_when": "depth_zero", "rounding": "down"},
    {"engine": "queue_per_worker", "target": 0.3},
    {"engine": "queue_per_worker", "include_unacked": False, "include_running": False, "activation": 2},
    {"engine": "drain_time", "tau_hint": 2.5},
    {"engine": "utilisation", "tolerance": 0},
    {"engine": "step", "metric": "load", "bands": [{"upper": 2, "percent": -30}, {"lower": 3, "delta": 2}]},
    {"engine": "step", "bands": [{"lower": 0, "upper": 1, "exact": 1}, {"lower": 1, "percent": 150}]},
    {"engine": "external", "source": "x", "metric": "load"},
    {"engine": "schedule", "cron": "*/5 * * * *", "duration": "2m", "tz": "Europe/Zurich", "exact": 4},
    {"engine": "schedule", "cron": "*/20 * * * *", "duration": 600, "floor": 6},
    {"engine": "schedule", "cron": "1 * * * 4,7", "duration": "1h", "ceiling": 2},
)
STEPS = (None, 0, 1, "10%", "50%|2")


def policy(chance: Random) -> tuple[dict[str, Any], Bounds]:
    least, more = small(chance), small(chance)
    sites = {name: chance.choice((None, None, 0, 1, 3)) for name in some_sites(chance)}
    behaviour = {
        "window_up": chance.choice((0, 10)),
        "window_down": chance.choice((0, 5, 600)),
        "max_step_up": chance.choice(STEPS),
        "max_step_down": chance.choice(STEPS),
        "cooldown_in": chance.choice((0, 60)),
        "cooldown_out": chance.choice((0, 9.5)),
        "interval": chance.choice((1, 30)),
    }
    laws = chance.sample(LAWS, chance.randint(1, 3))
    conf = {
        "deployable_type": "w",
        "sites": [
            {"name": name, "max": most, "weight": chance.choice((0.1, 1, 3))} for name, most in sites.items()
        ],
        "placement": chance.choice(("spread", "fill")),
        "capacity": {"min": least, "max": least + more, "slots": chance.randint(1, 3)},
        "policies": [{"name": f"p{number}", **law} for number, law in enumerate(laws)],
        "combine": chance.choice(("max", "min", "sum")),
        "behaviour": {key: behaviour[key] for key in behaviour if chance.random() < 0.8},
        "fallback": chance.choice(({}, {"mode": "static", "size": 5}, {"mode": "current_if_lower", "size": 2})),
        "signals": chance.choice(({}, {"max_age": 9, "metrics": {"ready": "load"}})),
        "scale_in": {"min_lifetime": chance.choice((0, 9, 300)), "allow_busy": chance.random() < 0.5},
        "retirable_nodes": chance.sample(NAMES, chance.randint(0, 2)),
        "dry_run": chance.random() < 0.1,
    }
    return conf, Bounds(least, least + more, sites, moves=True)


CONFS: Mapping[str, Callable[[Random], tuple[dict[str, Any], Bounds]]] = {
    "simplest": simplest,
    "phantom": phantom,
    "needy": needy,
    "phantom_multi": phantom_multi,
    "sensor": sensor,
    "overflow": overflow,
    "policy": policy,
}
