"""Each line says what it is about, and no line says a secret."""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from elastic import logs
from elastic.conf import settings
from elastic.errors import StoreUnavailable

KEY = "0123456789abcdef" * 4

log = logging.getLogger("elastic.roles.doctor")

Setup = Callable[..., io.StringIO]


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    """Set up the logs as a configuration text says; return what goes to stderr."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook
    monkeypatch.setattr(logging, "raiseExceptions", True)

    def start(text: str = "", log_file: Path | None = None) -> io.StringIO:
        file = tmp_path / "elastic.conf"
        file.write_text(f"[DEFAULT]\n{text}\n")
        conf = settings.load([str(file)])
        stderr = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stderr)
        logs.setup(conf, "r1", log_file)
        return stderr

    yield start
    for handler in root.handlers:
        with suppress(OSError):  # what a full disk would not take
            handler.close()
    root.handlers[:], level, sys.excepthook, threading.excepthook = before
    root.setLevel(level)


def test_a_line_carries_domain_member_and_term(setup: Setup) -> None:
    stderr = setup()
    with logs.about(domain="ann:web", term=7):
        log.info("i-3fa-1-2 was %s, is %s: %s", "OK", "MISSING", "silent for 120 s")
    (line,) = stderr.getvalue().splitlines()
    assert "INFO elastic.roles.doctor domain=ann:web member=r1 term=7 i-3fa-1-2 was OK, is MISSING" in line


def test_a_line_about_nothing_says_so(setup: Setup) -> None:
    stderr = setup()
    log.info("ready")
    assert "domain=- member=r1 term=- ready" in stderr.getvalue()


def test_what_comes_from_without_begins_no_line_of_its_own(setup: Setup) -> None:
    stderr = setup()
    log.info("%s asked by %s is refused", "x\n2026-01-01 CRITICAL all is lost\x1b[2J", "ann")
    (line,) = stderr.getvalue().splitlines()
    assert "x\\n2026-01-01 CRITICAL all is lost\\x1b[2J asked by ann is refused" in line


def test_a_traceback_keeps_its_lines(setup: Setup) -> None:
    stderr = setup()
    try:
        raise ValueError("7")
    except ValueError:
        log.exception("cut\tshort")
    lines = stderr.getvalue().splitlines()
    assert "cut\tshort" in lines[0]
    assert len(lines) > 2


@pytest.mark.parametrize("why", ["%s", "not now"])
def test_why_is_said_once(setup: Setup, why: str) -> None:
    stderr = setup()
    try:
        raise StoreUnavailable("no answer: refused")
    except StoreUnavailable as error:
        log.warning(f"waiting: {why}", *([error] if "%" in why else []))
    assert stderr.getvalue().count("no answer: refused") == 1


def test_what_goes_on_failing_is_told_once_until_it_goes_again(setup: Setup) -> None:
    stderr = setup()
    complaint = logs.Complaint(log, "nobody knows who leads: %s")
    told = []
    for trouble in (OSError("a"), OSError("b"), KeyError("c"), None, KeyError("d")):
        complaint.settled() if trouble is None else complaint.raised(trouble)
        told.append(stderr.getvalue().count("nobody knows"))
    assert told == [1, 1, 2, 2, 3], "another kind of trouble is news, and so is one that comes back"


def test_what_a_line_is_about_ends_with_its_block(setup: Setup) -> None:
    stderr = setup()
    with logs.about(domain="a:b", term=1):
        with logs.about(domain="c:d"):
            log.info("inner")
        log.info("outer")
    with pytest.raises(ValueError, match="x"), logs.about(term=9):
        raise ValueError("x")
    log.info("after")
    assert [line.partition("domain=")[2] for line in stderr.getvalue().splitlines()] == [
        "c:d member=r1 term=1 inner",
        "a:b member=r1 term=1 outer",
        "- member=r1 term=- after",
    ]


def test_one_threads_subject_is_not_anothers(setup: Setup) -> None:
    stderr = setup()
    with logs.about(domain="a:b"):
        other = threading.Thread(target=log.info, args=("from there",))
        other.start()
        other.join()
    assert "domain=- member=r1 term=- from there" in stderr.getvalue()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("zookeeper://ann:hunter2@h1,h2/chroot is lost", "zookeeper://ann:***@h1,h2/chroot is lost"),
        ("amqp://a:hun@ter2@h1;amqp://b:hunter2@h2", "amqp://a:***@h1;amqp://b:***@h2"),
        ("redis://:hunter2@h/0", "redis://:***@h/0"),
        ("password=hunter2", "password=***"),
        ('{"admin_password": "hunter2"}', '{"admin_password": "***"}'),
        (f"user data: key {KEY}.", "user data: key ***."),
        ("http://h:8080/path?at=ann@h is no secret", "http://h:8080/path?at=ann@h is no secret"),
        ("12:30 mail to ann@h", "12:30 mail to ann@h"),
    ],
)
def test_a_secret_is_masked(said: str, shown: str) -> None:
    assert logs.masked(said) == shown


@pytest.mark.parametrize("form", ["use_json = false", "use_json = true"])
def test_a_secret_is_masked_in_arguments_and_tracebacks(setup: Setup, form: str) -> None:
    stderr = setup(form)
    address = "amqp://ann:hunter2@h/"
    try:
        raise ConnectionError(f"cannot reach {address}")
    except ConnectionError:
        log.exception("lost %s", address)
    assert "cannot reach amqp://ann:***@h/" in stderr.getvalue()
    assert "hunter2" not in stderr.getvalue()


def test_in_json_too_a_line_says_what_it_is_about(setup: Setup) -> None:
    stderr = setup("use_json = true")
    with logs.about(domain="ann:web", term=7):
        log.info("hello")
    assert json.loads(stderr.getvalue())["extra"] == {"domain": "ann:web", "member": "r1", "term": "7"}


def test_debug_is_silent_until_it_is_asked_for(setup: Setup) -> None:
    stderr = setup()
    log.debug("quiet")
    assert not log.isEnabledFor(logging.DEBUG)
    assert stderr.getvalue() == ""


def test_debug_can_be_asked_for_while_we_run(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "elastic.conf"
    file.write_text("")
    conf = settings.load([str(file)])
    setup()
    logs.setup(conf, "r1")
    file.write_text("[DEFAULT]\ndebug = true\n")
    settings.reread(conf)
    assert log.isEnabledFor(logging.DEBUG)


def test_a_log_file_is_rotated(setup: Setup, tmp_path: Path) -> None:
    file = tmp_path / "log" / "r1.log"
    file.parent.mkdir()
    stderr = setup("max_logfile_size_mb = 1\nmax_logfile_count = 2", file)
    line = "x" * 50_000
    for _ in range(80):
        log.info(line)
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == ["r1.log", "r1.log.1", "r1.log.2"]
    assert all(path.stat().st_size <= 1024 * 1024 for path in file.parent.iterdir())
    assert stderr.getvalue()


def test_a_file_that_takes_no_more_costs_no_word(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "full.log").symlink_to("/dev/full")
    stderr = setup(log_file=tmp_path / "full.log")
    log.info("a line")
    (line,) = stderr.getvalue().splitlines()
    assert line.endswith("a line")


def test_a_log_directory_gets_a_file_with_the_members_name(setup: Setup, tmp_path: Path) -> None:
    setup(f"log_dir = {tmp_path}\nuse_stderr = false")
    log.info("hello")
    assert "hello" in (tmp_path / "r1.log").read_text()


def test_a_thread_that_dies_says_so(setup: Setup) -> None:
    stderr = setup()

    def die() -> None:
        raise RuntimeError("out of luck")

    thread = threading.Thread(target=die, name="keeper")
    thread.start()
    thread.join()
    assert "CRITICAL elastic.logs domain=- member=r1 term=- thread keeper has died" in stderr.getvalue()
    assert "out of luck" in stderr.getvalue()
