"""Programs that are run once and end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from mini_openstack.errors import Trouble
from mini_openstack.jobs import Step, begun, run, run_chains, tail

from tests.unit.tools.tool import shell, until


def step(place: Path, script: str, name: str = "job") -> Step:
    return Step(shell(script), dict(os.environ), place / f"{name}.log")


def test_what_it_prints_is_in_its_log_after_what_was_there(tmp_path: Path) -> None:
    run(step(tmp_path, "echo one"))
    run(step(tmp_path, "echo two >&2"))
    assert (tmp_path / "job.log").read_text() == "one\ntwo\n"


def test_a_failure_shows_the_end_of_the_log_and_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(Trouble) as failed:
        run(step(tmp_path, "seq 100; exit 3"))
    said = str(failed.value).splitlines()
    assert said == [f"job failed, see {tmp_path}/job.log:", *(f"    {n}" for n in range(86, 101))]


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="/no/such/program cannot be run: No such file"):
        run(Step(["/no/such/program"], {}, tmp_path / "job.log"))


def test_a_log_that_is_not_there_or_not_text_is_shown_as_far_as_it_can_be(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log") == "    (no log)"
    (tmp_path / "job.log").write_bytes(b"a\xff\n")
    assert tail(tmp_path / "job.log") == "    a�"


def test_chains_run_at_the_same_time_and_their_steps_one_after_another(tmp_path: Path) -> None:
    """Each first step waits for the other one's."""
    os.mkfifo(tmp_path / "gate")
    run_chains(
        [
            [step(tmp_path, ": > gate; echo a1 >> order", "a"), step(tmp_path, "echo a2 >> order", "a")],
            [step(tmp_path, ": < gate", "b"), step(tmp_path, "until grep a2 order; do sleep 0.01; done", "b")],
            [],
        ]
    )
    assert (tmp_path / "order").read_text() == "a1\na2\n"


def test_no_step_is_left_out_when_the_one_before_it_ends_as_we_look_at_another_chain(tmp_path: Path) -> None:
    def looked_at() -> Iterator[Step]:
        (tmp_path / "gate").touch()
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # the first step of the other chain has ended
        yield from ()

    first = step(tmp_path, "until [ -e gate ]; do sleep 0.01; done")
    run_chains([[first, step(tmp_path, "touch second")], looked_at()])
    assert (tmp_path / "second").exists()


def test_a_failure_ends_the_other_chains_and_what_follows_it(tmp_path: Path) -> None:
    endless = step(tmp_path, "echo $$ > pid; exec sleep 600", "endless")
    failing = step(tmp_path, "until [ -s pid ]; do sleep 0.01; done; exit 1", "failing")
    with pytest.raises(Trouble, match="failing failed"):
        run_chains([[endless], [failing, step(tmp_path, "touch next")]])
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert not (tmp_path / "next").exists()


def test_what_is_done_beside_a_step_ends_when_both_have(tmp_path: Path) -> None:
    with begun(step(tmp_path, "until [ -e gate ]; do sleep 0.01; done; sleep 0.1; touch done"), lambda: None):
        (tmp_path / "gate").touch()
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("who", ["watch", "body"])
def test_a_step_ends_with_what_is_done_beside_it(tmp_path: Path, who: str) -> None:
    def refuse() -> None:
        until((tmp_path / "pid").exists)
        raise Trouble("enough")

    with (  # noqa: PT012 - either of the two raises it
        pytest.raises(Trouble, match="enough"),
        begun(step(tmp_path, "echo $$ > new; mv new pid; exec sleep 600"), refuse),
    ):
        if who == "body":
            refuse()
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
