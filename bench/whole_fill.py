"""Domains by RPC, as clients make them, and the wait until all their instances run."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.whole_agents import Agents, until

CLIENTS = 4


def name_of(number: int) -> str:
    return f"d{number:05}"


def add_domains(agents: Agents, numbers: Sequence[int], instances: int) -> list[str]:
    """Made by several clients at once; their names."""
    clients = [agents.new_client() for _ in range(CLIENTS)]
    config = {"engine_conf": {"preserve_n": instances}}

    def add(first: int) -> None:
        for number in numbers[first::CLIENTS]:
            clients[first].add_domain(name_of(number), "bench", config)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(add, range(CLIENTS)))
    return [name_of(number) for number in numbers]


def until_running(agents: Agents, count: int, bound: float, told: Callable[[int], None] = lambda _: None) -> float:
    """When so many instances run, in monotonic seconds. TimeoutError after `bound` seconds."""

    def all_run() -> bool:
        agents.check()
        running = agents.running()
        told(running)
        return running == count

    until(all_run, bound, f"of {count} instances not all run", pause=1.0)
    return time.monotonic()
