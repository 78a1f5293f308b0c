"""What surrounds a command: its streams, its environment, its directory, its user."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from elastic.conf import embedded
from tests.hostile.user_process import ELASTIC, by_shell
from tests.hostile.user_words import is_plain

pytestmark = pytest.mark.functional

SHARE = """echo '{"in": {"total": 3, "weights": [1]}}' | $elastic whatif share"""

LINES = {
    "help on a full disk": ("$elastic --help > /dev/full", 1, "cannot be written: No space left"),
    "a command's help on a full disk": ("$elastic domain add --help > /dev/full", 1, "cannot be written"),
    "a version on a full disk": ("$elastic --version > /dev/full", 1, "cannot be written"),
    "nowhere to write": ("$elastic --version >&-", 0, ""),
    "nowhere to read from": ("$elastic whatif share <&-", 0, ""),
    "nowhere to answer": (f"{SHARE} >&-", 0, ""),
    "nowhere to complain": ("$elastic domain list 2>&-", 1, ""),
    "no room to complain": ("$elastic domain list 2> /dev/full", 1, ""),
    "nothing is open": ("$elastic domain list <&- >&- 2>&-", 1, ""),
    "nobody reads the help": ("$elastic --help | true; exit ${PIPESTATUS[0]}", (0, 141), ""),
    "the directory we are in is gone": (
        "mkdir d; cd d; rmdir ../d; $elastic domain list",
        1,
        "no cluster is named",
    ),
    "run where nothing is": ("mkdir d; cd d; rmdir ../d; $elastic run --data x", 1, "is gone"),
    "a circle of links": ("ln -s a b; ln -s b a; $elastic --data a/x domain list", 1, "a/x"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the configuration of a cluster that does not run."""
    place = tmp_path_factory.mktemp("streams")
    embedded.write(place / "c")
    return place


@pytest.mark.parametrize("case", LINES)
def test_a_command_ends_as_it_should_whatever_its_streams_are(case: str, home: Path, tmp_path: Path) -> None:
    line, code, told = LINES[case]
    (tmp_path / "c").symlink_to(home / "c")
    done = by_shell(line, tmp_path)
    assert done.returncode in (code if isinstance(code, tuple) else (code,)), done
    assert told in done.stderr
    assert done.stderr.count("\n") == bool(told), done.stderr
    assert is_plain(done.stderr.rstrip("\n"))
    if told:
        assert done.stdout == ""


PLACES = {
    "an encoding that knows no umlauts": {"PYTHONIOENCODING": "ascii", "LANG": "C"},
    "the C locale, taken at its word": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "no home": {"HOME": None},
    "no terminal at all": {"TERM": None, "COLUMNS": "abc", "LINES": "-1"},
    "a narrow one": {"COLUMNS": "1"},
}


@pytest.mark.parametrize("case", PLACES)
def test_a_command_ends_as_it_should_in_any_environment(case: str, tmp_path: Path) -> None:
    done = by_shell("$elastic domain show x --data dömäne", tmp_path, PLACES[case])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "there is no cluster in" in done.stderr


def test_an_interrupt_at_any_moment_ends_it_without_our_insides(home: Path) -> None:
    """While it looks for a cluster that does not answer."""
    with subprocess.Popen(
        [*ELASTIC, "-v", "--data", str(home / "c"), "domain", "list"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        until_it_talks_to_the_bus(process.pid, home / "c")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode in (1, 130)
    assert "Traceback" not in err


def until_it_talks_to_the_bus(pid: int, directory: Path) -> None:
    pattern = re.compile(re.escape(str(directory / "bus.db")))
    while Path(f"/proc/{pid}").exists():
        try:
            opened = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        if any(pattern.match(name) for name in opened):
            return
