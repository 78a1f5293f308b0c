"""SQLite's store among real processes: killed before every statement, racing, stopped in the middle."""

import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.adapters.membership.memory import MemoryElection
from elastic.adapters.membership.sqlite import SqliteElection
from elastic.adapters.store.memory import MemoryStore
from elastic.adapters.store.sqlite import SqliteStore
from elastic.errors import Stale, StoreUnavailable
from elastic.model.instance import Instance
from elastic.ports.store import Change, Commit
from tests.contract.clocks import HandClock
from tests.contract.processes import Hook, ended, forked, hooked, stopped
from tests.contract.records import KEY, assigned, domain, instance, seat_of, tenure_of
from tests.contract.story import Story, everything

pytestmark = pytest.mark.functional


def opened(path: Path, hook: Hook = lambda sql: None) -> SqliteStore:
    return SqliteStore(path, fresh_uid=lambda: "uid", clock=HandClock(), connect=hooked(hook))


def story(store: SqliteStore) -> Story:
    return Story(store, SqliteElection(store, "m1", HandClock(), 10.0))


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, Any]]:
    """What there is to see before the first step, after the first, ... after the last."""
    store = opened(tmp_path_factory.mktemp("whole") / "store.db")
    telling = story(store)
    seen = [everything(store)]
    for step in telling.steps:
        step()
        seen.append(everything(store))
    store.close()
    return seen


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many the whole story executes."""
    executed: list[str] = []
    store = opened(tmp_path_factory.mktemp("counted") / "store.db", executed.append)
    for step in story(store).steps:
        step()
    store.close()
    return len(executed)


def tell_until_killed(path: Path, fatal: int, report: int) -> None:
    """Die before the statement of that number; write a byte for each operation that was answered."""
    numbers = count()

    def hook(sql: str) -> None:
        if next(numbers) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    telling = story(opened(path, hook))
    for step in telling.steps:
        step()
        os.write(report, b".")


def answered_before_the_kill(path: Path, fatal: int) -> int:
    reading, writing = os.pipe()
    try:
        with forked(partial(tell_until_killed, path, fatal, writing)) as pid:
            os.close(writing)
            assert ended(pid) == -signal.SIGKILL
            return len(os.read(reading, 1000))
    finally:
        os.close(reading)


@pytest.mark.hazard("F26")
@pytest.mark.slow
def test_killed_before_any_statement_what_was_answered_is_there_and_the_rest_whole_or_absent(
    tmp_path: Path, chapters: list[Mapping[str, Any]], statements: int
) -> None:
    assert statements > 100
    for fatal in range(statements):
        path = tmp_path / f"{fatal}.db"
        answered = answered_before_the_kill(path, fatal)

        store = opened(path)
        assert everything(store) in chapters[answered : answered + 2], f"killed before statement {fatal}"

        telling = story(store)
        for step in telling.steps:
            telling.tell(step)
        assert everything(store) == chapters[-1], f"killed before statement {fatal}, and told again"
        store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one domain, one instance, and everything assigned to m1; nobody has it open."""
    path = tmp_path / "store.db"
    store = opened(path)
    assigned(store, seat_of(SqliteElection(store, "m1", HandClock(), 10.0)))
    store.add_domain(domain())
    store.commit(store.view(KEY), tenure_of(store), Commit(id="first", added=[instance("i1")]))
    store.close()
    return path


def counted(instance: Instance) -> Instance:
    return replace(instance, extravars={"n": instance.extravars.get("n", 0) + 1})


ROUNDS = 150


def count_up(path: Path, name: str) -> None:
    store = opened(path)
    for n in range(ROUNDS):
        store.commit(store.view(KEY), tenure_of(store), Commit(id=f"{name}-{n}", changes={"i1": Change(counted)}))


def decide_until_done(path: Path, name: str) -> None:
    store = opened(path)
    done = 0
    while done < ROUNDS:
        commit = Commit(id=f"{name}-{done}", decides=True, added=[instance(f"{name}-{done}")])
        try:
            store.commit(store.view(KEY), tenure_of(store), commit)
            done += 1
        except Stale:
            continue


def both(work: Callable[[Path, str], None], path: Path) -> None:
    with forked(partial(work, path, "a")) as one, forked(partial(work, path, "b")) as other:
        assert (ended(one), ended(other)) == (0, 0)


def test_of_two_processes_that_change_one_record_none_loses_an_update(path: Path) -> None:
    both(count_up, path)

    (record,) = opened(path).view(KEY).instances
    assert (record.extravars, record.version) == ({"n": 2 * ROUNDS}, 1 + 2 * ROUNDS)


def test_of_two_processes_that_decide_none_decides_on_what_the_other_changed(path: Path) -> None:
    both(decide_until_done, path)

    view = opened(path).view(KEY)
    assert (view.counter, len(view.instances)) == (2 * ROUNDS, 1 + 2 * ROUNDS)


def test_processes_that_make_the_same_store_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    reading, writing = os.pipe()

    def make(uid: str) -> None:
        os.write(writing, SqliteStore(path, fresh_uid=lambda: uid).layout().uid.encode())

    with forked(partial(make, "a")) as a, forked(partial(make, "b")) as b, forked(partial(make, "c")) as c:
        assert [ended(pid) for pid in (a, b, c)] == [0, 0, 0]

    assert os.read(reading, 3).decode() == 3 * opened(path).layout().uid
    os.close(reading)
    os.close(writing)


@pytest.mark.hazard("F26")
def test_a_process_stopped_in_its_transaction_holds_writers_up_but_not_for_ever(path: Path) -> None:
    def stop_at_commit(sql: str) -> None:
        if sql == "COMMIT" and stops:
            os.kill(os.getpid(), signal.SIGSTOP)

    def pause_domain() -> None:
        store = opened(path, stop_at_commit)
        stops.append(True)
        store.change(KEY, lambda d: replace(d, paused=True))

    stops: list[bool] = []
    with forked(pause_domain) as pid:
        stopped(pid)
        store = opened(path)
        with pytest.raises(StoreUnavailable):
            store.change(KEY, lambda d: replace(d, definition="new"))
        assert not store.view(KEY).domain.paused  # reads go on

    changed = store.change(KEY, lambda d: replace(d, definition="new"))  # it was killed
    assert (changed.definition, changed.paused, changed.revision) == ("new", False, 2)


def test_the_story_is_the_same_in_memory(chapters: list[Mapping[str, Any]]) -> None:
    store = MemoryStore(uid="uid", clock=HandClock())
    telling = Story(store, MemoryElection(store, "m1", HandClock()))
    seen = [everything(store)]
    for step in telling.steps:
        step()
        seen.append(everything(store))

    assert seen == chapters
