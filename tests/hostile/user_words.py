"""What people type, and what they must get for it: an exit code, and one plain line."""

from typing import Protocol

GARBAGE = {
    "a path": "a/b",
    "the root": "/",
    "dots": "..",
    "nothing": "",
    "a blank": " ",
    "a percent sign": "100%",
    "a format": "%s%n{0}",
    "a line end": "a\nb",
    "an escape": "a\x1b[2J\x07b",
    "the other way round": "a\u202eb",
    "another script": "домен",
    "a face": "\U0001f600",
    "half a character": "\udcff",
    "10 kB": "x" * 10_240,
    "10 kB of blanks": " " * 10_240,
    "an option": "-x",
    "a long option": "--nope",
    "two dashes": "--",
    "a number": "-1",
    "a huge number": "9" * 400,
    "not a number": "nan",
    "a reserved name": "zookeeper",
    "a shell's words": "$(reboot); `reboot`",
    "SQL": "'; DROP TABLE domains; --",
    "YAML": "{a: [&b *b]}",
}


class Done(Protocol):
    """How a command ended; a `CompletedProcess`, or one in this process."""

    @property
    def returncode(self) -> int: ...

    @property
    def stdout(self) -> str: ...

    @property
    def stderr(self) -> str: ...


def is_plain(line: str) -> bool:
    """Nothing in it steers a terminal, and it can be read."""
    return line.isprintable() and len(line) < 1200


def assert_refused(done: Done, code: int, *told: str, who: str = "elastic") -> None:
    """It ended with `code`, printed nothing, and said why in one line."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    line = done.stderr.rstrip("\n")
    assert line.startswith(f"{who}: "), line
    assert is_plain(line), line
    assert "this should not happen" not in line, line
    for word in told:
        assert word in line, f"{word!r} is not in {line!r}"


def assert_no_wreck(done: Done) -> None:
    """Whatever it said: the exit code is one of those that are documented, and nobody sees our insides."""
    assert done.returncode in (0, 1, 2), done.stderr
    said = done.stderr
    assert "Traceback" not in said, said
    assert "this should not happen" not in said, said
    assert all(is_plain(line) for line in said.splitlines()), said
    if done.returncode:
        assert said.count("\n") == 1, said
