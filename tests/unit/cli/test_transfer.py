"""elastic domain export | import: what one cluster writes, another takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from elastic.cli import transfer
from elastic.model.domain import DomainKey
from elastic.roles.reactor import secrets
from tests.unit.cli.shell import Shell
from tests.unit.roles.reactors import Bench

KEY = DomainKey("ann", "web")


def test_a_masked_secret_is_known_for_one() -> None:
    assert transfer.MASK == secrets.MASK


def test_what_is_exported_is_imported_again(shell: Shell, web: str, tmp_path: Path) -> None:
    shell("domain", "reconfigure", "web", "--set", "health.boot_timeout=5", "--unset", "engine_conf.preserve_n")
    shell("definition", "update", "d", "--file", write(tmp_path, "engine_conf: {preserve_n: 2, victims: oldest}"))
    shell("domain", "subscribe", "web", "s")
    shell("domain", "pause", "web")
    exported = shell("domain", "export")
    assert exported.code == 0
    done = shell("domain", "import", "--file", write(tmp_path, exported.out), "--as", "bob")
    there = "definition d is there already, and left as it is\n"
    assert (done.code, done.err) == (0, f"{there}domain web added, and paused\n")
    ours, theirs = shell.bench.view(KEY).domain, shell.bench.view(DomainKey("bob", "web")).domain
    assert theirs.config == ours.config
    assert (theirs.subscribers, theirs.paused, theirs.definition) == (("s",), True, "d")


def test_an_import_leaves_what_is_there(shell: Shell, web: str, tmp_path: Path) -> None:
    exported = shell("domain", "export", "-f", "json").out
    before = shell.bench.view(KEY)
    done = shell("domain", "import", "--file", write(tmp_path, exported))
    assert (done.code, shell.bench.view(KEY)) == (0, before)
    assert "left as it is" in done.err


def test_an_import_says_of_what_is_there_whether_it_is_the_same(shell: Shell, web: str, tmp_path: Path) -> None:
    exported = shell("domain", "export").out
    shell("domain", "reconfigure", "web", "--set", "engine_conf.preserve_n=9")
    shell("definition", "update", "d", "--file", write(tmp_path, "engine_conf: {preserve_n: 7}"))
    done = shell("domain", "import", "--file", write(tmp_path, exported))
    another = "is there already and is another, and left as it is"
    assert (done.code, done.err.splitlines()) == (0, [f"definition d {another}", f"domain web {another}"])


def test_a_whole_cluster_is_moved_with_all_its_owners(shell: Shell, web: str, tmp_path: Path) -> None:
    shell("definition", "add", "unused", "--file", write(tmp_path, "engine_conf: {preserve_n: 5}"))
    shell.bench.client("ann", owner="bob").add_domain("web", "d", {"health": {"boot_timeout": 7}}, paused=True)
    exported = shell("domain", "export", "--all-owners").out
    ours = shell.bench
    with asking_another_cluster(shell) as theirs:
        done = shell("domain", "import", "--file", write(tmp_path, exported))
        assert (done.code, done.err.splitlines()) == (
            0,
            [
                "definition d added",
                "definition unused added",
                "domain ann:web added",
                "domain bob:web added, and paused",
            ],
        )
        for key in (KEY, DomainKey("bob", "web")):
            old, new = ours.view(key).domain, theirs.view(key).domain
            assert (new.config, new.paused, new.definition) == (old.config, old.paused, old.definition)
        assert shell("domain", "export", "--all-owners").out == exported


def test_an_import_may_give_all_to_one_owner_but_never_two_of_one_name(
    shell: Shell, web: str, tmp_path: Path
) -> None:
    shell.bench.client("ann", owner="bob").add_domain("web", "d")
    exported = write(tmp_path, shell("domain", "export", "--all-owners").out)
    done = shell("domain", "import", "--file", exported, "--owner", "carol")
    assert done.code == 1
    assert "two domains would be 'web' of carol" in done.err
    Path(exported).write_text(Path(exported).read_text().replace("bob:web:", "bob:wob:"))
    assert shell("domain", "import", "--file", exported, "--owner", "carol").code == 0
    assert [row["name"] for row in shell.bench.client("carol").domains()] == ["web", "wob"]


def test_what_is_refused_does_not_hold_up_the_rest_and_the_next_import_goes_on(
    shell: Shell, tmp_path: Path
) -> None:
    book = "definitions: {d: {engine_conf: {preserve_n: 1}}}\ndomains:"
    config = "config: {engine_conf: {preserve_n: 1}}"
    lines = [
        f"  one: {{definition: d, {config}}}",
        f"  two: {{definition: nope, {config}}}",
        f"  three: {{definition: d, {config}, paused: true}}",
    ]
    done = shell("domain", "import", "--file", write(tmp_path, "\n".join([book, *lines])))
    assert done.code == 1
    assert done.err.splitlines()[1:] == [
        "domain one added",
        "domain two is refused: there is no definition 'nope'",
        "domain three added, and paused",
        "elastic: 1 of 4 were refused, see above; mend the file and import it again",
    ]
    done = shell("domain", "import", "--file", write(tmp_path, "\n".join([book, *lines]).replace("nope", "d")))
    assert (done.code, done.err.count("added"), done.err.count("left as it is")) == (0, 1, 3)


def test_secrets_are_named_at_the_export_and_asked_for_at_the_import(
    shell: Shell, web: str, tmp_path: Path
) -> None:
    shell("domain", "reconfigure", "web", "--set", "engine_conf.secret_key=hidden")
    done = shell("domain", "export")
    assert "hidden" not in done.out
    assert done.err == (
        "domains.web.config.engine_conf.secret_key is a secret, and masked: write it into the file "
        "before it is imported\n"
    )
    refused = shell("domain", "import", "--file", write(tmp_path, done.out), "--as", "bob")
    assert refused.code == 1
    assert "engine_conf.secret_key" in refused.err
    shell("domain", "import", "--file", write(tmp_path, done.out.replace("'***'", "hidden")), "--as", "bob")
    assert shell.bench.view(DomainKey("bob", "web")).domain.config == shell.bench.view(KEY).domain.config


def test_a_domain_outlives_its_definition_in_an_export_too(shell: Shell, web: str, tmp_path: Path) -> None:
    shell("definition", "remove", "d")
    done = shell("domain", "export")
    assert "definition d of domain web is no longer there" in done.err
    assert shell("domain", "import", "--file", write(tmp_path, done.out), "--as", "bob").code == 0
    assert shell.bench.view(DomainKey("bob", "web")).domain.config == shell.bench.view(KEY).domain.config


def test_a_domain_that_is_being_removed_is_left_out(shell: Shell, web: str) -> None:
    shell("domain", "remove", "web")
    done = shell("domain", "export", "-f", "json")
    assert done.json["domains"] == {}
    assert "web is being removed" in done.err


def test_the_domains_of_all_owners_are_listed_for_operators(shell: Shell, web: str) -> None:
    shell.bench.client("ann", owner="bob").add_domain("web", "d")
    assert [row["owner"] for row in shell("domain", "list", "-f", "json").json] == ["ann"]
    rows = shell("domain", "list", "--all-owners", "-f", "json").json
    assert [row["owner"] for row in rows] == ["ann", "bob"]
    assert shell("domain", "list", "--all-owners", "--owner", "bob").code == 1


@contextmanager
def asking_another_cluster(shell: Shell) -> Iterator[Bench]:
    kept, shell.bench = shell.bench, Bench()
    try:
        yield shell.bench
    finally:
        shell.bench.close()
        shell.bench = kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "domains: []",
        "domains: {web: {}}",
        "domains: {web: {definition: d, config: 3}}",
        "domains: {web: {definition: d, subscribers: 3}}",
        "domains: {web: {definition: d, paused: 3}}",
        "{domains: {}, types: {}}",
    ],
)
def test_a_file_that_no_export_wrote_is_refused_whole(shell: Shell, text: str, tmp_path: Path) -> None:
    done = shell("domain", "import", "--file", write(tmp_path, text))
    assert (done.code, done.err.count("\n")) == (1, 1)


def write(directory: Path, text: str) -> str:
    file = directory / "written.yaml"
    file.write_text(text)
    return str(file)
