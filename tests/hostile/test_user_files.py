"""Every file that a user can write: bad in all ways we know, and in those that hypothesis finds."""

import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from elastic.cli.whatif import SUBJECTS, answer_lines
from elastic.conf import initial, settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest
from elastic.model.domain import DomainKey
from elastic.rules.showing import LONGEST, one_line
from tests.hostile.user_bytes import MANY, gone_bad
from tests.hostile.user_shell import a_shell, typed
from tests.hostile.user_words import assert_no_wreck, assert_refused
from tests.unit.cli.shell import Shell

KEY = DomainKey("ann", "web")
BOMB = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12))

DEFINITION = b"""\
general:
  engine: simplest
engine_conf:
  preserve_n: 3
  provisioner_vars: {key: "value", list: [1, 2.5, true, null]}
health:
  heartbeat_interval: 1
  missing_timeout: 20.5
"""
BOOK = b"""\
definitions:
  d: {engine_conf: {preserve_n: 2}}
  e: {engine_conf: {preserve_n: 2}, health: {boot_timeout: 5}}
domains:
  one: {definition: d, config: {engine_conf: {preserve_n: 1}}, subscribers: [s], paused: true}
  bob:two: {definition: e, config: {health: {missing_timeout: 30}}}
"""
CONFIG = b"""\
[DEFAULT]
cluster = test
member = a
initial_definitions = {web: {engine_conf: {preserve_n: 2}}}

[store]
url = zookeeper://user:hunter2@h1:2181,h2:2181/elastic?ca_file=/ca.pem

[bus]
url = amqps://user:hunter2@h1:5671/vhost?ca_file=/ca.pem;amqps://user:hunter2@h2/vhost

[rpc]
operators = ann, bob

[decider]
interval = 1.5

[metrics]
listen = 127.0.0.1:9301
"""
QUESTIONS = {
    "decide": b'{"id": 1, "in": {"domain": {"engine": "simplest", "engine_conf": {"preserve_n": 2}}, "instances": '
    b'[{"id": "i1", "state": "600-RUNNING", "health": "OK"}], "now": 1000.5}}',
    "diagnose": b'{"id": "x", "in": {"policy": {"missing_timeout": 60}, "instance": {"state": "600-RUNNING", '
    b'"state_time": 0, "health": "OK"}, "last_heartbeat": {"at": 10, "state": "OK"}, "now": 100}}',
    "own": b'{"in": {"members": {"a": 1, "b": 2.5}, "partitions": 16, "domains": ["ann:web"], '
    b'"previous": {"0": "a"}}}',
    "share": b'{"id": null, "in": {"total": 10, "weights": [1, 2, 3.5]}}',
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with a_shell(tmp_path_factory.mktemp("files")) as made:
        yield made


FILES = {
    "a billion laughs": (BOMB.encode(), "aliases"),
    "an object": (b"a: !!python/object/apply:os.system [reboot]", "python/object"),
    "a name": (b"engine_conf: !!python/name:os.system ''", "python/name"),
    "a tag that lies": (b"engine_conf: {preserve_n: !!int ''}", "tag"),
    "a date that is none": (b"engine_conf: {a: !!timestamp x}", "tag"),
    "a truth that is none": (b"engine_conf: {a: !!bool maybe}", "tag"),
    "deep": (b'{"a":' * 100_000, "deep"),
    "deep in YAML": (b"- " * 3000, "deep"),
    "deep in flow": (b"a: " + b"{a: " * 3000, "deep"),
    "half a character": (b'{"engine_conf": {"a": "\\ud800"}}', "half a character"),
    "half a character in a key": (b'{"engine_conf": {"\\ud800": 1}}', "half a character"),
    "a number of 30 digits": (b'{"engine_conf": {"preserve_n": ' + b"9" * 30 + b"}}", "too large"),
    "a number of 5000 digits": (b"engine_conf: {preserve_n: " + b"9" * 5000 + b"}", "digits"),
    "a key twice, far down": (
        b"{" + b",".join(b'"k%d":0' % n for n in range(60_000)) + b',"k59999":1}',
        "'k59999' is given twice",
    ),
    "a long key twice": (b'{"' + b"x" * 10_240 + b'":1,"' + b"x" * 10_240 + b'":2}', "given twice"),
    "binary": (random.Random(1).randbytes(5000), "UTF-8"),
    "an executable": (b"\x7fELF\x02\x01\x01\0\0\0", "special characters"),
    "UTF-16": ("engine_conf: {}".encode("utf-16"), "UTF-8"),
    "5 MB": (b"engine_conf: {a: '" + b"x" * 5_000_000 + b"'}", "larger than"),
    "a list": (b"[1]", "a list"),
    "steers a terminal": (b'{"\\u001b[2J": 1}', "\\x1b"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_will_not_do_is_refused_in_one_line(shell: Shell, case: str, tmp_path: Path) -> None:
    content, word = FILES[case]
    file = tmp_path / "f"
    file.write_bytes(content)
    done = typed(shell, "definition", "add", "x", "--file", str(file))
    assert_refused(done, 1, word)
    assert_refused(typed(shell, "definition", "show", "x"), 1, "no definition")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_files_from_other_systems_are_read(shell: Shell, begin: bytes, end: bytes, tmp_path: Path) -> None:
    file = tmp_path / "f"
    for content in (DEFINITION, b'{"engine_conf": {"preserve_n": 3}}\n'):
        file.write_bytes(begin + content.replace(b"\n", end))
        assert typed(shell, "definition", "update", "d", "--file", str(file)).stderr == ""
        shown = json.loads(typed(shell, "definition", "show", "d", "-f", "json").stdout)
        assert shown["definition"]["engine_conf"]["preserve_n"] == 3


def test_a_definition_comes_through_a_pipe(shell: Shell, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(DEFINITION))
    writer.start()
    assert typed(shell, "definition", "update", "d", "--file", str(pipe)).returncode == 0
    writer.join()


def test_a_source_that_never_ends_is_left(shell: Shell) -> None:
    assert_refused(typed(shell, "definition", "add", "x", "--file", "/dev/zero"), 1, "larger than")


BOOKS = {
    "a section that is no mapping": "domains: {web: {definition: d, config: {engine_conf: 3}}}",
    "a slip": "domains: {web: {definition: d, pasued: true}}",
    "a definition that is none": "{definitions: {d: 3}, domains: []}",
    "domains that are none": "domains: 3",
    "null": "domains:",
}


@pytest.mark.parametrize("case", BOOKS)
def test_an_export_that_no_cluster_wrote_is_refused_whole(shell: Shell, case: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text(BOOKS[case])
    assert_refused(typed(shell, "domain", "import", "--file", str(tmp_path / "f")), 1, str(tmp_path / "f"))


def test_an_import_tells_of_each_on_a_line_of_its_own_whatever_it_is_called(shell: Shell, tmp_path: Path) -> None:
    names = ["a/b", "a\nb", "\x1b[2J", "", "..", "x" * 10_240, ":", "a:b:c", "\u202e", "%s"]
    entry = {"definition": "d", "config": {"engine_conf": {"preserve_n": 1}}}
    (tmp_path / "f").write_text(json.dumps({"domains": dict.fromkeys(names, entry)}))
    done = typed(shell, "domain", "import", "--file", str(tmp_path / "f"))
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (1, len(names) + 1)
    assert all(line.isprintable() and "is refused" in line and len(line) <= LONGEST + 10 for line in lines[:-1])


def refusal_of(what: Callable[[], object]) -> str:
    """Nothing if it is done. Whatever else it raises is a fault."""
    try:
        what()
    except BadRequest as refusal:
        return str(refusal)
    return ""


@MANY
@given(content=gone_bad(DEFINITION, msgspec.json.encode(msgspec.yaml.decode(DEFINITION))))
def test_any_bytes_for_a_definition(shell: Shell, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    for words in (["definition", "update", "d"], ["domain", "reconfigure", "web"]):
        assert_no_wreck(typed(shell, *words, "--file", str(file)))
    assert typed(shell, "domain", "show", "web").returncode == 0
    assert typed(shell, "definition", "show", "d").returncode == 0


@MANY
@given(content=gone_bad(BOOK, msgspec.json.encode(msgspec.yaml.decode(BOOK))))
def test_any_bytes_for_an_export(shell: Shell, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    done = typed(shell, "domain", "import", "--file", str(file))
    assert done.returncode in (0, 1)
    assert "this should not happen" not in done.stderr
    assert all(line.isprintable() for line in done.stderr.splitlines())
    assert typed(shell, "domain", "export", "--all-owners").returncode == 0


@MANY
@given(content=gone_bad(CONFIG))
def test_any_bytes_for_a_configuration(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "elastic.conf"
    file.write_bytes(content)
    told = refusal_of(lambda: Settings.of(settings.load([str(file)])))
    assert "hunter2" not in told
    assert one_line(told).isprintable()


@MANY
@given(content=gone_bad(DEFINITION, b"{web: " + msgspec.json.encode(msgspec.yaml.decode(DEFINITION)) + b"}"))
def test_any_bytes_for_what_is_there_from_the_start(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "definitions.yaml"
    file.write_bytes(content)
    for said in (str(file), content.decode(errors="surrogateescape")):
        for read in (initial.definitions, initial.domains):
            assert one_line(refusal_of(partial(read, said))).isprintable()


@MANY
@given(content=gone_bad(*QUESTIONS.values()))
def test_any_bytes_for_a_question(content: bytes) -> None:
    """A line is answered with a line that is JSON, and the next one is answered after it."""
    lines = [*content.split(b"\n"), QUESTIONS["share"]]
    for subject in SUBJECTS:
        answers: list[bytes] = []
        failed = answer_lines(subject, lines, answers.append)
        decoded = [msgspec.json.decode(answer) for answer in answers]
        assert len(decoded) == len(lines)
        assert sum("error" in answer for answer in decoded) == failed
        assert all(answer.endswith(b"\n") and answer.count(b"\n") == 1 for answer in answers)
