"""The commands: what they print, how they end."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from elastic.cli.commands import COMMANDS
from elastic.cli.shapes import cells
from elastic.model.decision import Action, Decision
from elastic.model.domain import DomainKey
from elastic.model.parts import FoundPart, Part, PartKind
from elastic.model.server import Mark
from elastic.model.states import InstanceState
from elastic.model.view import Condition
from elastic.ports.store import Change
from tests.unit.cli.shell import Shell, Terminal

KEY = DomainKey("ann", "web")


@pytest.mark.parametrize("name", [n for n in COMMANDS if n != "demo"])
def test_every_command_explains_itself(shell: Shell, name: str) -> None:
    done = shell.run(*name.split(), "--help")
    assert done.code == 0


def test_nothing_but_the_help_is_printed_for_help(shell: Shell) -> None:
    done = shell.run("--help")
    assert done.code == 0
    assert all(name in done.out for name in COMMANDS)


UNPARSED = {
    "no command": "",
    "an unknown command": "domian list",
    "half a command": "domain",
    "an unknown option": "domain list --all",
    "an unknown option before": "--all domain list",
    "both places": "domain list --data a --config-file b",
    "both places before": "--data a --config-file b domain list",
    "one before, one after": "--data a domain list --config-file b",
    "no name": "domain show",
    "no definition": "domain add web",
    "one name too many": "domain show a b",
    "an unknown format": "domain list -f xml",
    "a timeout that is none": "domain remove web --wait --timeout soon",
    "a timeout below 0": "domain remove web --wait --timeout -1",
    "set without a value": "domain reconfigure web --set engine_conf.a",
    "set without a section": "domain reconfigure web --set a=1",
    "set to what is no YAML": "domain reconfigure web --set a.b=[",
    "unset without a section": "domain reconfigure web --unset a",
    "no number": "explain web -n some",
    "owner of what has none": "replica list --owner ann",
    "an abbreviated option": "domain list --own ann",
}


@pytest.mark.parametrize("case", UNPARSED)
def test_only_a_line_that_does_not_parse_ends_with_2(shell: Shell, case: str) -> None:
    done = shell.run(*UNPARSED[case].split())
    assert (done.code, done.out) == (2, "")
    assert done.err


REFUSED = {
    "no such domain": "domain show nope",
    "a name that is a path": "domain show a/b",
    "no such instance": "instance show i-000-1-1",
    "no such replica": "replica drain m9",
    "no such definition": "domain add x --definition nope",
    "no such file": "definition add x --file /nope",
    "a directory for a file": "definition add x --file /",
    "no such column": "domain list -c nope",
    "a name of another's shape": "domain list --as a/b",
    "a key that the engine does not know": "domain reconfigure web --set engine_conf.nope=1",
    "an unknown section": "domain reconfigure web --set nope.nope=1",
    "not there to be unset": "domain reconfigure web --unset health.nope",
    "there already": "domain add web --definition d",
    "nothing to change": "domain reconfigure web",
}


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_ends_with_1_and_one_line_that_says_why(shell: Shell, case: str) -> None:
    done = shell(*REFUSED[case].split())
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith("elastic: ")
    assert "Traceback" not in done.err


def test_a_fault_of_ours_is_one_line_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> None:
        raise ZeroDivisionError("over\nhere")

    monkeypatch.setattr("elastic.client.Client.domains", fail)
    done = shell("domain", "list")
    assert (done.code, done.err.count("\n")) == (1, 1)


@pytest.mark.usefixtures("web")
def test_the_place_is_taken_before_and_after_the_command_and_from_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, file = str(shell.directory), str(shell.directory / "elastic.conf")
    lines = [
        ["--data", directory, "domain", "list"],
        ["domain", "list", "--data", directory],
        [f"--data={directory}", "domain", "list"],
        ["--config-file", file, "domain", "list"],
        ["domain", "list", "--config-file", file],
    ]
    for line in lines:
        assert [row["name"] for row in shell.run(*line, "-f", "json").json] == ["web"], line
    assert shell.run("domain", "list").code == 1
    monkeypatch.setenv("ELASTIC_DATA", directory)
    assert shell.run("domain", "list").code == 0


COLUMNS = {
    "definition list": "name",
    "definition show d": "name definition documentation",
    "domain list": "owner name engine status desired running unhealthy paused",
    "domain show web": "owner name engine status desired running unhealthy paused config conditions sensor_data "
    "slot partition member",
    "instance list": "instance_id domain state state_time health health_time last_heartbeat_age site server_id "
    "public_ip private_ip reason",
    "instance show ID": "instance_id domain state state_time health health_time last_heartbeat_age site server_id "
    "public_ip private_ip reason pid extravars errors ipv6 parts console work drain metrics",
    "events": "time domain kind instance_id text",
    "replica list": "member host pid leads partitions weight able term loop_age store bus",
    "explain web": "time member term inputs stages actions reason",
}


@pytest.mark.parametrize("line", COLUMNS)
def test_scripts_find_the_keys_they_know(shell: Shell, web: str, line: str) -> None:
    shell.bench.write(KEY, decision=Decision(time=1.5, member="m1", term=1))
    words = line.replace("ID", web).split()
    done = shell(*words, "-f", "json")
    found = done.lines[0] if line == "events" else done.json
    row = found[0] if isinstance(found, list) else found
    assert list(row) == COLUMNS[line].split()
    for form in ("table", "yaml", "value"):
        assert shell(*words, "-f", form).code == 0, form


@pytest.mark.parametrize(
    ("line", "shown"),
    {
        "instance list": "instance_id domain state health last_heartbeat_age site reason",
        "replica list": "member host pid leads partitions weight store bus",
        "explain web": "time reason actions",
        "instance list --long": COLUMNS["instance list"],
        "instance list -c reason -c public_ip": "reason public_ip",
        "instance list --sort-column server_id": COLUMNS["instance list"],
    }.items(),
)
def test_a_table_for_people_shows_what_they_look_for(shell: Shell, web: str, line: str, shown: str) -> None:
    shell.bench.write(KEY, decision=Decision(time=1.5, member="m1", term=1))
    head = shell(*line.split()).out.splitlines()[1]
    assert sorted(head.replace("|", " ").split()) == sorted(shown.split())


def test_tables_are_for_people_to_read(shell: Shell, web: str) -> None:
    actions = (Action("launch", "i-1", "ec2-east"), Action("terminate", "i-2"))
    shell.bench.write(KEY, decision=Decision(time=1.5, member="m1", term=1, actions=actions))
    told = shell("explain", "web").out
    assert "| launch i-1 at ec2-east |" in told
    assert "| terminate i-2 " in told
    (conditions,) = cells({"conditions": [{"type": "Ready", "since": 86400.0 * 2}]}, ["conditions"])
    assert conditions.human_readable().startswith("type: Ready, since: 1970-01-0")
    (leads,) = cells({"leads": ["decider", "doctor"]}, ["leads"])
    assert leads.human_readable() == "decider, doctor"


@pytest.mark.parametrize(
    "line", ["definition list", "domain list", "instance list", "server list", "quarantine list"]
)
def test_nothing_is_an_empty_list(shell: Shell, line: str) -> None:
    assert shell(*line.split(), "-f", "json").json == []
    assert shell(*line.split()).code == 0


def test_numbers_and_nulls_are_what_they_are(shell: Shell, web: str) -> None:
    row = shell("instance", "show", web, "-f", "json").json
    assert (row["state"], row["state_time"], row["server_id"], row["pid"]) == ("600-RUNNING", 0.0, None, None)
    assert row["last_heartbeat_age"] is None


def test_definitions_by_command(shell: Shell, definition: str) -> None:
    assert shell("definition", "add", "d", "--file", definition).code == 0
    assert shell("definition", "add", "d", "--file", definition).code == 1
    Path(definition).write_text('{"engine_conf": {"preserve_n": 5}}')
    assert shell("definition", "update", "d", "--file", definition).code == 0
    shown = shell("definition", "show", "d", "-f", "json").json
    assert shown["definition"] == {"engine_conf": {"preserve_n": 5}}
    assert shell("definition", "remove", "d").code == 0
    assert shell("definition", "show", "d").code == 1


@pytest.mark.usefixtures("web")
def test_a_domain_is_reconfigured_by_file_and_by_word(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text('{"engine_conf": {"preserve_n": 7, "force_site": "a"}}')
    words = ["--set", "engine_conf.preserve_n=9", "health.boot_timeout=1.5", "--set", "engine_conf.victims=oldest"]
    assert shell("domain", "reconfigure", "web", "--file", str(file), *words).code == 0
    config = shell("domain", "show", "web", "-f", "json").json["config"]
    assert config["engine_conf"] == {"preserve_n": 9, "force_site": "a", "victims": "oldest"}
    assert config["health"] == {"boot_timeout": 1.5}
    assert shell("domain", "reconfigure", "web", "--unset", "engine_conf.victims", "health.boot_timeout").code == 0
    config = shell("domain", "show", "web", "-f", "json").json["config"]
    assert config == {"general": {}, "engine_conf": {"preserve_n": 9, "force_site": "a"}, "health": {}}


def test_an_instance_is_protected_and_terminated(shell: Shell, web: str) -> None:
    assert shell("instance", "protect", web).code == 0
    assert shell.bench.view(KEY).domain.protected == (web,)
    assert shell("instance", "unprotect", web).code == 0
    assert shell("instance", "terminate", web).code == 0
    assert shell.bench.view(KEY).domain.doomed == (web,)


@pytest.mark.usefixtures("web")
def test_one_may_act_for_another(shell: Shell) -> None:
    assert shell("domain", "list", "--as", "bob", "-f", "json").json == []
    assert shell("domain", "show", "web", "--as", "bob").code == 1
    assert [
        row["owner"] for row in shell("domain", "list", "--as", "bob", "--owner", "ann", "-f", "json").json
    ] == ["ann"]


@pytest.mark.usefixtures("web")
def test_subscribers_by_command(shell: Shell) -> None:
    assert shell("domain", "subscribe", "web", "s").code == 0
    assert shell.bench.view(KEY).domain.subscribers == ("s",)
    assert shell("domain", "unsubscribe", "web", "s").code == 0
    assert shell.bench.view(KEY).domain.subscribers == ()


def test_operators_commands(shell: Shell) -> None:
    assert shell("store", "check", "-f", "json").json["problems"] == []
    assert shell("store", "accept").code == 0
    assert shell("upgrade", "finish").code == 0
    assert shell("replica", "drain", "m2").code == 0
    assert shell.bench.store.members()["m2"].weight == 0


SERVER = "server_id instance_id domain site status created stray pid"


@pytest.mark.parametrize("asked", ["--strays", "--reap"])
def test_what_would_be_swept_is_shown_before_whatever_it_is(
    shell: Shell, web: str, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    bench, forgotten = shell.bench, f"{web.rpartition('-')[0]}-9"
    mark = Mark("memory", KEY, 1, forgotten)
    server = bench.cloud.plant("north", mark)
    disk = FoundPart(site="south", cluster="memory", home=forgotten, part=Part(PartKind.VOLUME, "v-1"))
    monkeypatch.setattr(bench.cloud, "parts", lambda site, *_: [disk] if site == "south" else [])
    (row,) = shell("server", "list", "-f", "json").json
    assert (list(row), row["stray"]) == (SERVER.split(), True)
    rows = shell("server", "list", asked, "-f", "json").json
    assert [list(row) for row in rows] == [[*SERVER.split(), "kind"]] * 2
    assert [(row["kind"], row["server_id"], row["site"]) for row in rows] == [
        ("server", server, "north"),
        ("volume", "v-1", "south"),
    ]
    assert "| volume |" in shell("server", "list", asked).out


def test_a_store_with_problems_ends_with_1(shell: Shell, web: str) -> None:
    shell.bench.add_instance(KEY, number=7, server_id="s")
    shell.bench.add_instance(KEY, number=8, server_id="s")
    done = shell("store", "check", "-f", "json")
    assert (done.code, len(done.json["problems"])) == (1, 1)


# events


def test_events_are_a_line_each(shell: Shell, web: str) -> None:
    shell("domain", "pause", "web")
    assert [event["kind"] for event in shell("events", "-f", "json").lines] == ["added", "reconfigured"]
    assert shell("events", "--domain", "other", "-f", "json").out == ""
    assert [list(e) for e in shell("events", "-f", "json", "-c", "kind").lines] == [["kind"], ["kind"]]


def test_events_are_followed_until_interrupted(shell: Shell, web: str) -> None:
    steps = iter([lambda: shell.bench.client("ann").pause_domain("web"), interrupt])
    shell.while_waiting = lambda: next(steps)()
    done = shell("events", "--follow", "-f", "json")
    assert done.code == 130
    assert [event["kind"] for event in done.lines] == ["added", "reconfigured"]


def test_followed_events_are_lines_for_people_too(shell: Shell, web: str) -> None:
    shell.while_waiting = interrupt
    done = shell("events", "--follow")
    assert "web added" in done.out


def interrupt() -> None:
    raise KeyboardInterrupt


# waiting


def test_waiting_ends_when_the_domain_is_stable(shell: Shell, definition: str) -> None:
    shell("definition", "add", "d", "--file", definition)
    steps = iter(["PENDING", "STABLE"])
    shell.while_waiting = lambda: shell.bench.decide(KEY, status=next(steps), desired=2)
    done = shell("domain", "add", "web", "--definition", "d", "--wait")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "web: PENDING, 0 of ? running",
        "web: PENDING, 0 of 2 running",
        "web: STABLE, 0 of 2 running",
    ]


def test_on_a_terminal_a_bar_shows_how_far_it_is(shell: Shell, web: str) -> None:
    shell.stderr = Terminal()
    steps = iter(["PENDING", "STABLE"])
    shell.while_waiting = lambda: shell.bench.decide(KEY, status=next(steps), desired=2)
    done = shell("domain", "reconfigure", "web", "--set", "engine_conf.preserve_n=5", "--wait")
    assert done.code == 0
    assert "[############............] web: PENDING, 1 of 2 running" in done.err
    assert done.err.endswith("\r\x1b[K"), "the bar is gone when it is done"


FAILED = Condition("EngineFailed", True, "Raised", "division by zero")


def test_waiting_for_what_cannot_be_ends_with_1_and_the_reason(shell: Shell, web: str) -> None:
    shell.while_waiting = lambda: shell.bench.decide(KEY, conditions=(FAILED,))
    done = shell("domain", "reconfigure", "web", "--set", "engine_conf.preserve_n=5", "--wait")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "elastic: web: Raised: division by zero"


def test_waiting_for_a_paused_domain_says_how_to_go_on(shell: Shell, web: str) -> None:
    shell("domain", "pause", "web")
    done = shell("domain", "reconfigure", "web", "--set", "engine_conf.preserve_n=5", "--wait")
    assert done.code == 1
    assert "elastic domain resume web" in done.err


def test_waiting_ends_after_the_timeout_with_1(shell: Shell, web: str) -> None:
    done = shell("domain", "resume", "web", "--wait", "--timeout", "0.01")
    assert done.code == 1
    assert "the work goes on" in done.err


def test_an_interrupted_wait_is_130_and_the_work_goes_on(shell: Shell, web: str) -> None:
    shell.while_waiting = interrupt
    done = shell("domain", "remove", "web", "--wait")
    assert done.code == 130
    assert shell.bench.view(KEY).domain.removed


def test_waiting_outlasts_a_replica_s_death(shell: Shell, web: str) -> None:
    cut = shell.bench.broker.cut
    steps = iter([lambda: cut.update({"m1", "m2"}), cut.clear, lambda: shell.bench.decide(KEY)])
    shell.while_waiting = lambda: next(steps)()
    done = shell("domain", "reconfigure", "web", "--set", "engine_conf.preserve_n=5", "--wait")
    assert done.code == 0
    assert "no answer, waiting" in done.err


def test_waiting_for_a_removal_ends_when_all_is_forgotten(shell: Shell, web: str) -> None:
    def forget() -> None:
        shell.bench.forget_instance(KEY, web)
        tenure = shell.bench.tenure(KEY)
        shell.bench.store.forget_domain(shell.bench.view(KEY), tenure)

    shell.while_waiting = forget
    done = shell("domain", "remove", "web", "--wait")
    assert (done.code, done.err) == (0, "web: REMOVING, 1 instances left\nweb: removed\n")


def test_waiting_for_an_empty_cloud_ends_when_what_failed_is_cleaned_up_too(shell: Shell, web: str) -> None:
    bench = shell.bench
    bench.write(KEY, changes={web: Change(lambda i: replace(i, state=InstanceState.FAILED, leftover=True))})
    cleared = {web: Change(lambda i: replace(i, leftover=False))}
    shell.while_waiting = lambda: bench.write(KEY, changes=cleared)
    assert shell("disable").code == 0
    done = shell("terminate-all", "--wait")
    assert (done.code, done.err) == (0, "1 domain\n1 instances left\n0 instances left\n")


def test_waiting_for_a_termination_ends_when_it_is_over(shell: Shell, web: str) -> None:
    shell.while_waiting = lambda: shell.bench.move(KEY, web, InstanceState.TERMINATED)
    done = shell("instance", "terminate", web, "--wait")
    assert (done.code, done.err) == (0, f"{web}: 600-RUNNING\n{web}: 800-TERMINATED\n")


def test_a_pause_is_waited_for(shell: Shell, web: str) -> None:
    done = shell("domain", "pause", "web", "--wait")
    assert (done.code, done.err) == (0, "web: PAUSED\n")


def test_commands_are_listed_in_one_column_and_what_they_do_in_another(shell: Shell) -> None:
    for words in (["help"], ["--help"]):
        listed = shell.run(*words).out.partition("Commands:\n")[2].splitlines()
        names = [line[2:20].rstrip() for line in listed]
        assert set(names) >= set(COMMANDS)
        assert all(line[20:22] == "  " and line[22] != " " for line in listed), "not aligned"
    assert shell.run("help", "domain", "add").out.startswith("usage: elastic domain add")


def test_a_drained_replica_is_taken_into_service_again(shell: Shell) -> None:
    shell("replica", "drain", "m2")
    assert shell("replica", "undrain", "m2").code == 0
    assert shell.bench.store.members()["m2"].weight == 1
    assert shell("replica", "undrain", "m9").code == 1
