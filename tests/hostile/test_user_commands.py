"""Every command there is, by the registry: with nothing, with too much, with rubbish. A new one is in, too."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from elastic.cli.asking import Asking
from elastic.cli.commands import command_manager
from elastic.cli.events import told
from elastic.cli.main import ElasticApp
from elastic.cli.shapes import cells
from elastic.model.decision import Event
from elastic.model.domain import DomainKey
from elastic.model.names import NAME
from elastic.supervisor.teller import line_of
from tests.hostile.user_shell import a_shell, typed
from tests.hostile.user_words import GARBAGE, assert_no_wreck, assert_refused
from tests.unit.cli.shell import Shell

KEY = DomainKey("ann", "web")
FORGED = Event(time=1.0, kind="failed", domain="ann:web", text="red alert \x1b[31m\x07\u202e \n 2026 forged")
APP = ElasticApp()
PARSERS: Mapping[str, argparse.ArgumentParser] = {
    name: entry.load()(APP, None).get_parser(f"elastic {name}") for name, entry in sorted(APP.command_manager)
}
ASKING = sorted(name for name, entry in command_manager() if issubclass(entry.load(), Asking))
PLACES = ("data", "config_file", "file")
STOPS = {"disable", "enable", "terminate-all"}
"""Whole lines as they stand: they would be done."""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with a_shell(tmp_path_factory.mktemp("commands")) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_is_broken(shell: Shell) -> Iterator[None]:
    """The domain is as before, and the cluster answers."""
    before = shell.bench.view(KEY)
    yield
    assert shell.bench.view(KEY) == before
    assert [row["name"] for row in shell("domain", "list", "-f", "json").json] == ["web"]


def options_of(name: str) -> list[argparse.Action]:
    """Those that take a value, and could be given rubbish."""
    return [action for action in PARSERS[name]._actions if action.option_strings and action.nargs is None]


def places_of(name: str) -> list[argparse.Action]:
    return [action for action in PARSERS[name]._actions if not action.option_strings]


def demanded(name: str) -> list[str]:
    """The options that it cannot do without."""
    return [
        f"{action.option_strings[-1]}={'/dev/null' if action.dest == 'file' else 'nope'}"
        for action in PARSERS[name]._actions
        if action.option_strings and action.required
    ]


def needed(name: str) -> list[str]:
    """A line that parses."""
    names = [_one_of(action.choices) for action in places_of(name) if action.nargs is None]
    return [*name.split(), *demanded(name), *names]


def _one_of(choices: Iterable[object] | None) -> str:
    return str(next(iter(choices or ["x"])))


@pytest.mark.parametrize("name", PARSERS)
def test_every_command_says_what_it_is_for(shell: Shell, name: str) -> None:
    done = shell.run(*name.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: elastic {name}")
    assert len(PARSERS[name].description or "") > 10


@pytest.mark.parametrize("name", PARSERS)
def test_an_option_that_no_command_has_is_refused_in_one_line(shell: Shell, name: str) -> None:
    done = typed(shell, *needed(name), "--no-such-option", at_cluster=False)
    assert_refused(done, 2, "--no-such-option", f"`elastic {name} --help`")


@pytest.mark.parametrize("name", [name for name in PARSERS if needed(name) != name.split()])
def test_what_a_command_cannot_do_without_is_named_in_one_line(shell: Shell, name: str) -> None:
    whole = needed(name)
    for end in range(len(name.split()), len(whole)):
        assert_refused(typed(shell, *whole[:end], at_cluster=False), 2, "required")


@pytest.mark.parametrize("case", [case for case, said in GARBAGE.items() if not NAME.fullmatch(said)])
@pytest.mark.parametrize("name", [name for name in ASKING if places_of(name)])
def test_rubbish_in_the_place_of_a_name_is_refused(shell: Shell, name: str, case: str) -> None:
    done = typed(shell, *name.split(), *demanded(name), *(GARBAGE[case] for _ in places_of(name)))
    assert_no_wreck(done)
    assert done.returncode


@pytest.mark.parametrize("case", GARBAGE)
def test_rubbish_in_any_option_wrecks_nothing(shell: Shell, case: str) -> None:
    for name in sorted({*ASKING} - STOPS):
        for action in options_of(name):
            if action.dest not in PLACES:
                assert_no_wreck(typed(shell, *needed(name), f"{action.option_strings[-1]}={GARBAGE[case]}"))


@pytest.mark.parametrize("case", GARBAGE)
@pytest.mark.parametrize("option", ["--data", "--config-file", "--as", "--nope", ""])
def test_rubbish_before_the_command_is_refused_in_one_line(shell: Shell, option: str, case: str) -> None:
    words = [f"{option}={GARBAGE[case]}", "domain", "show", "nope"] if option else [GARBAGE[case]]
    done = typed(shell, *words, at_cluster=False)
    assert_no_wreck(done)
    assert done.returncode


@pytest.mark.parametrize("case", GARBAGE)
def test_rubbish_for_a_file_is_refused_in_one_line(shell: Shell, case: str) -> None:
    for line in ("definition add x", "domain add x --definition nope", "domain import"):
        done = typed(shell, *line.split(), f"--file={GARBAGE[case]}")
        assert_refused(done, 2 if case == "two dashes" else 1)


UNPARSED = {
    "": "which command",
    "domian list": "no command",
    "domain": "domain list",
    "d list": "no command",
    "r": "no command",
    "dom list": "no command",
    "domain re web": "no command",
    "domain list extra": "extra",
    "domain list -f": "expected one argument",
    "explain web -n 0": "above 0",
    "explain web -n -1": "-n",
    "explain web -n 1e9": "above 0",
    f"explain web -n {'9' * 5000}": "-n",
    "explain web -n ½": "above 0",
    "replica drain m2 --weight much": "--weight",
    "replica drain m2 --weight nan": "--weight",
    "replica drain m2 --weight 1e400": "--weight",
    "replica drain m2 --weight=-1": "--weight",
    "domain remove web --wait --timeout 0": "--timeout",
    "domain remove web --wait --timeout nan": "--timeout",
    "domain remove web --wait --timeout 1e400": "--timeout",
    "run --replicas 0": "from 1 to 32",
    "run --replicas=-3": "from 1 to 32",
    "run --replicas 1000000000": "from 1 to 32",
    f"run --replicas {'9' * 5000}": "--replicas",
    "run --replicas many": "from 1 to 32",
    "run --data=": "empty",
    "demo --seconds nan": "above 0",
    "demo --seconds 0": "above 0",
    "whatif nothing": "decide",
    "whatif": "required",
    "complete --shell nope": "--shell",
    "domain add w --definition d --set engine_conf.a=!!bool": "engine_conf.a",
    "domain add w --definition d --set engine_conf.a=!!int": "engine_conf.a",
    "domain add w --definition d --set engine_conf.a=!!timestamp": "engine_conf.a",
    "domain add w --definition d --set engine_conf.a=[": "engine_conf.a",
    "domain add w --definition d --set engine_conf.a={b:&c": "engine_conf.a",
    "domain add w --definition d --set engine_conf.preserve_n=1e400": "no number",
    f"domain add w --definition d --set engine_conf.preserve_n={'9' * 30}": "too large",
    f"domain add w --definition d --set engine_conf.preserve_n={'9' * 5000}": "engine_conf.preserve_n",
    "domain add w --definition d --set engine_conf.a=\udcff": "engine_conf.a",
    "domain add w --definition d --set preserve_n=1": "section.key",
}


@pytest.mark.parametrize("line", UNPARSED, ids=lambda line: line[:60].encode("ascii", "replace").decode())
def test_a_line_that_does_not_parse_ends_with_2_and_one_line(shell: Shell, line: str) -> None:
    assert_refused(typed(shell, *line.split(), at_cluster=False), 2, UNPARSED[line])


CONFIGS = {
    "engine_conf.preserve_n=-1": "preserve_n",
    "engine_conf.preserve_n=1000000000": "at most 100000",
    "engine_conf.preserve_n=true": "whole number",
    "engine_conf.preserve_n=three": "whole number",
    "engine_conf.preserve_n=1.5": "whole number",
    "engine_conf.preserve_n=[1]": "whole number",
    "engine_conf.preserve_n={a: 1}": "whole number",
    "engine_conf.colour=red": "'colour'",
    "engine_conf.\x1b[2J=1": "no key",
    "nope.a=1": "no section",
    "general.engine=nope": "nope",
    "general.engine=os.system": "os.system",
    "general.engine=[a]": "general.engine",
    "general.engine_class=a.b.C": "engine",
    "general.colour=red": "'colour'",
    "health.monitor_health=maybe": "monitor_health",
    "health.boot_timeout=-1": "boot_timeout",
    "health.boot_timeout=soon": "boot_timeout",
    f"health.boot_timeout={'x' * 10_240}": "boot_timeout",
    "health.heartbeat_interval=0": "heartbeat_interval",
    "health.heartbeat_interval=100000": "heartbeat_interval",
    f"engine_conf.provisioner_vars={'[' * 40}{']' * 40}": "provisioner_vars",
}


@pytest.mark.parametrize("said", CONFIGS, ids=lambda said: said[:60].encode("unicode_escape").decode())
def test_a_config_that_makes_no_sense_is_refused_by_its_key(shell: Shell, said: str) -> None:
    """As it is made and as it is changed."""
    for line in ("domain add w --definition d", "domain reconfigure web"):
        assert_refused(typed(shell, *line.split(), "--set", said), 1, CONFIGS[said])


def test_another_s_domain_is_as_if_it_were_not_there(shell: Shell) -> None:
    for line in ("show", "remove", "pause", "resume", "reconfigure --set engine_conf.preserve_n=1"):
        verb, *more = line.split()
        theirs = typed(shell, "domain", verb, "web", *more, "--as", "bob")
        absent = typed(shell, "domain", verb, "nope", *more, "--as", "bob")
        assert_refused(theirs, 1)
        assert theirs.stderr.replace("web", "nope") == absent.stderr


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_what_others_wrote_does_not_steer_a_terminal(shell: Shell, form: str) -> None:
    shell.bench.store.log([FORGED])
    out = typed(shell, "events", "-f", form).stdout
    assert "red alert" in out
    assert all(line.isprintable() for line in out.splitlines())
    assert told({"time": 1.0, "text": FORGED.text}).isprintable()
    assert line_of(FORGED).isprintable()


def test_what_others_wrote_does_not_steer_it_from_deep_inside_either() -> None:
    row = {"reason": "\x1b", "errors": ["\x1b"], "conditions": [{"text": "\x1b"}], "extravars": {"a": "\x1b"}}
    row["actions"] = [{"do": "\x1b", "instance_id": "i", "site": ""}]
    shown = [cell.human_readable() for cell in cells(row, list(row))]
    assert ["\x1b" in text for text in shown] == [False] * len(row)


def test_help_for_what_is_no_command_is_one_line(shell: Shell) -> None:
    assert_refused(typed(shell, "help", "nosuch", at_cluster=False), 1, "nosuch")


def test_a_place_that_names_no_home_is_told_of(shell: Shell) -> None:
    for words in (["--data", "~nobody-of-that-name/x"], ["--config-file", "~nobody-of-that-name/x"]):
        assert_refused(typed(shell, *words, "domain", "list", at_cluster=False), 1, "home")
    done = typed(shell, "definition", "add", "x", "--file", "~nobody-of-that-name/x")
    assert_refused(done, 1, "home")


def test_a_user_without_name_and_home_is_told_the_same_as_all(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose user has no line in /etc/passwd."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert_refused(typed(shell, "domain", "list", at_cluster=False), 1, "no cluster is named")


def test_a_place_that_is_given_and_empty_never_means_another_cluster(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTIC_DATA", str(shell.directory))
    for option in ("--data", "--config-file"):
        assert_refused(typed(shell, "domain", "remove", "web", option, "", at_cluster=False), 1, "empty")


def test_a_path_of_another_encoding_is_looked_up_as_it_is(shell: Shell, tmp_path: Path) -> None:
    file = Path(f"{tmp_path}/\udcff")
    file.write_text("- 1")
    assert_refused(typed(shell, "definition", "add", "x", "--file", str(file)), 1, "\\udcff", "a list")
