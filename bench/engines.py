"""What an engine takes for a decision, and whether that follows the number of instances: quiet, growing
by a tenth, shrinking by a tenth.

A decision is all that a decider asks for: the config read, the engine asked, its answer checked.
"""

from collections.abc import Callable, Iterator, Mapping
from timeit import Timer
from typing import Any, NamedTuple

from bench.rows import Row, tell
from bench.servers import Servers
from elastic.engines import installed_engines
from elastic.model.actions import Candidate, Question, Sample, Work
from elastic.model.states import Health, InstanceState
from elastic.rules.policy import decide

SIZES = (10, 100, 1_000)
NOW = 10_000.0
SITES = ("mini", "maxi")
CASES = {"quiet": 0, "growing": 1, "shrinking": -1}  # tenths of the size
BUDGETS = {"simplest": 200.0, "policy": 2_000.0}  # us, for 100 instances
ROUNDS, QUICK_ROUNDS = 5, 3
ROUND = 0.015  # seconds
IDLE = Work()

Costs = Mapping[str, list[float]]
"""Microseconds by case, one for each of SIZES."""


class Aim(NamedTuple):
    """How many there are, and by how many tenths of them there should be more."""

    size: int
    tenths: int

    @property
    def step(self) -> int:
        return self.size // 10

    @property
    def wanted(self) -> int:
        return self.size + self.tenths * self.step


def measure(servers: Servers, quick: bool) -> Iterator[Row]:  # noqa: ARG001 - nothing is needed of them
    for engine in CONFS:
        tell(f"engines: {engine}")
        rounds = QUICK_ROUNDS if quick else ROUNDS
        costs = {
            case: [cost(engine, Aim(size, tenths), rounds) for size in SIZES] for case, tenths in CASES.items()
        }
        yield row(engine, costs)


def row(engine: str, costs: Costs) -> Row:
    """The ratio: an instance's cost among 1,000 by that among 10, in the case in which it is worst."""
    each = {case: [us / size for us, size in zip(found, SIZES, strict=True)] for case, found in costs.items()}
    hundred, thousand = (max(ones[n] / ones[0] for ones in each.values()) for n in (1, 2))
    slowest, budget = max(found[1] for found in costs.values()), BUDGETS.get(engine)
    return Row(
        what=f"a decision of {engine}, {per_second(costs)}/s with 100 instances",
        figure=f"10 / 100 / 1,000: {shown(costs['quiet'])} us",
        baseline=f"an instance among 10: {each['quiet'][0]:.1f} us; among 100, {hundred:.2f} x",
        ratio=thousand,
        budget="" if budget is None else f"100: <= {budget:,.0f} us",
        met=None if budget is None else slowest <= budget,
        limit=", ".join(f"{case} {shown(found)}" for case, found in costs.items() if case != "quiet"),
    )


def per_second(costs: Costs) -> str:
    return f"{1e6 / costs['quiet'][1]:,.0f}"


def shown(found: list[float]) -> str:
    return " / ".join(f"{us:,.0f}" for us in found)


def cost(engine: str, aim: Aim, rounds: int) -> float:
    """Microseconds for a decision, the best of `rounds`: what else the host does only adds to it."""
    asked, engines = question(engine, aim), installed_engines()
    answer, moves = decide(asked, engines), aim.wanted - aim.size
    if (len(answer.launches), len(answer.terminates)) != (max(0, moves), max(0, -moves)):
        raise AssertionError(f"{engine} decides something else than is measured: {answer.reasons}")
    timer = Timer(lambda: decide(asked, engines))
    once = timer.timeit(3) / 3
    count = max(1, round(ROUND / once))
    return min(timer.repeat(rounds, count)) / count * 1e6


def question(engine: str, aim: Aim) -> Question:
    return Question(
        engine=engine,
        engine_conf=CONFS[engine](aim),
        instances=tuple(running(number) for number in range(aim.size)),
        sensors={"load": Sample(NOW, aim.tenths), "ready": Sample(NOW, 5 * aim.wanted)},
        now=NOW,
        memo={"last_change": None, "size": aim.size, "draining": []},
    )


def running(number: int) -> Candidate:
    """Idle, and old enough to go."""
    return Candidate(
        instance_id=f"i-{number:08x}",
        state=InstanceState.RUNNING,
        health=Health.OK,
        state_time=float(number),
        site=SITES[number % 2],
        deployable_type="worker",
        work=IDLE,
    )


def scaling(aim: Aim) -> dict[str, Any]:
    return {
        "minimum_vms": aim.size - aim.step,
        "maximum_vms": aim.size + aim.step,
        "metric": "load",
        "scale_up_threshold": 0.5,
        "scale_down_threshold": -0.5,
        "scale_up_n_vms": aim.step,
        "scale_down_n_vms": aim.step,
    }


def simplest(aim: Aim) -> dict[str, Any]:
    return {"preserve_n": aim.wanted}


def needy(aim: Aim) -> dict[str, Any]:
    retirable = [f"i-{number:08x}" for number in range(aim.step)]
    return {
        "preserve_n": aim.wanted,
        "deployable_type": "worker",
        "iaas_site": SITES[0],
        "retirable_nodes": retirable,
    }


def phantom_multi(aim: Aim) -> dict[str, Any]:
    kind = {"deployable_type_name": "worker", "instance_type": "small"}
    return {"preserve_n": aim.wanted, "sites": list(SITES), **kind}


def sensor(aim: Aim) -> dict[str, Any]:
    return {**scaling(aim), "deployable_type": "worker", "iaas_site": SITES[0]}


def overflow(aim: Aim) -> dict[str, Any]:
    clouds = [
        {"site_name": SITES[0], "size": aim.size // 2, "rank": 1},
        {"site_name": SITES[1], "size": -1, "rank": 2},
    ]
    return {**scaling(aim), "clouds": clouds, "dtname": "worker"}


def policy(aim: Aim) -> dict[str, Any]:
    """A queue for a law, beside one that agrees, and no more than a tenth at a time."""
    queue = {"name": "queue", "engine": "queue_per_worker", "include_unacked": False, "include_running": False}
    return {
        "deployable_type": "worker",
        "sites": list(SITES),
        "capacity": {"max": 2 * aim.size},
        "policies": [{**queue, "tolerance": 0}, {"name": "least", "engine": "fixed", "size": 1}],
        "behaviour": {"window_down": 0, "max_step_down": "10%"},
    }


CONFS: Mapping[str, Callable[[Aim], dict[str, Any]]] = {
    "simplest": simplest,
    "needy": needy,
    "phantom_multi": phantom_multi,
    "sensor": sensor,
    "overflow": overflow,
    "policy": policy,
}
