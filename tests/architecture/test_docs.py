"""The pages say where things are: there they are."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from elastic.cli import inputs
from elastic.cli.main import ElasticApp

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "doc" / "decisions"
PAGES = sorted([*(ROOT / "doc").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "devstack" / "README.md"])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

NAMED = re.compile(r"`((?:elastic|tests)/[\w/.-]*)(?::([\w.]+))?`")
LOOSE = re.compile(r"`(?:[A-Z][a-z]\w*\.(\w+)|(_\w+))`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r'(?:^|\$\()(?:\.venv/bin/)?elastic ([^|)"\n]+)', re.MULTILINE)


def faults_of(text: str, folder: Path) -> list[str]:
    """What a page that lies in `folder` names and is not so."""
    return [*_missing(text), *_unheard_of(text), *_dead_links(text, folder)]


def _missing(text: str) -> Iterator[str]:
    for path, name in NAMED.findall(text):
        place = ROOT / path
        if not place.exists():
            yield f"there is no {path}"
        elif name and not (place.suffix == ".py" and name in _defined(place)):
            yield f"{path} has no {name}"


def _unheard_of(text: str) -> Iterator[str]:
    """Names without their file: they are to be somewhere."""
    for pair in LOOSE.findall(text):
        name = "".join(pair)
        if name not in _all_names():
            yield f"nothing is called {name}"


@cache
def _all_names() -> frozenset[str]:
    trees = [ast.parse(file.read_text()) for file in (ROOT / "elastic").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    fields = {n.target.id for n in nodes if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    return frozenset(functions | fields)


def _dead_links(text: str, folder: Path) -> Iterator[str]:
    for link in LINK.findall(text):
        target = link.partition("#")[0]
        if target and "://" not in target and not (folder / target).exists():
            yield f"the link {link} leads nowhere"


@cache
def _defined(file: Path) -> frozenset[str]:
    """Classes and functions of a module, and those of its classes as `Class.name`."""
    tree = ast.parse(file.read_text())
    return frozenset(_names(tree.body, ""))


def _names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{prefix}{node.name}.")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_all_that_a_page_names_is_there(page: Path) -> None:
    assert faults_of(page.read_text(), page.parent) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("`elastic/roles/nurse.py`", "there is no elastic/roles/nurse.py"),
        ("`elastic/roles/doctor.py:Nurse`", "elastic/roles/doctor.py has no Nurse"),
        ("`elastic/roles/doctor.py:Doctor.operate`", "elastic/roles/doctor.py has no Doctor.operate"),
        ("`elastic/roles:Doctor`", "elastic/roles has no Doctor"),
        ("`_operate`", "nothing is called _operate"),
        ("`Doctor.operate`", "nothing is called operate"),
        ("[there](nowhere.md#at-all)", "the link nowhere.md#at-all leads nowhere"),
    ],
)
def test_a_page_that_names_what_is_not_there_is_found(text: str, fault: str) -> None:
    assert faults_of(text, ROOT) == [fault]


def test_what_is_there_is_no_fault() -> None:
    text = "`elastic/roles/doctor.py:Doctor.visit`, `tests/contract/`, [a page](doc/walks.md#a-death), [out](https://a.b)"
    assert faults_of(text, ROOT) == []


def test_the_walk_of_a_heartbeat_goes_through_five_files() -> None:
    walk = (ROOT / "doc" / "walks.md").read_text().partition("## A heartbeat")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\d)\. `elastic/", walk, re.MULTILINE) == list("12345")


def test_the_walk_of_a_domain_has_a_spine_of_five_files() -> None:
    walk = (ROOT / "doc" / "walks.md").read_text().partition("## A domain")[2].partition("\n## ")[0]
    assert len(re.findall(r"^### .*\*\*`elastic/", walk, re.MULTILINE)) == 5


def test_every_decision_is_listed_once_and_has_the_template_s_parts() -> None:
    listed = LINK.findall((DECISIONS / "README.md").read_text())
    pages = sorted(page for page in DECISIONS.glob("*.md") if page.name not in ("README.md", "template.md"))
    assert sorted(set(listed) - {"template.md"}) == [page.name for page in pages]

    parts = _headings((DECISIONS / "template.md").read_text())
    for page in pages:
        assert _headings(page.read_text()) == parts, page.name
    numbers = [page.read_text().split(":")[0] for page in pages]
    assert sorted(numbers) == [f"# {n:04}" for n in range(1, len(pages) + 1)]


def _headings(text: str) -> list[str]:
    return re.findall(r"^## (.*)", text, re.MULTILINE)


def commands_of(page: str) -> list[str]:
    shells = SHELL.findall((ROOT / page).read_text())
    return [command.strip() for shell in shells for command in COMMAND.findall(shell)]


@pytest.mark.parametrize("command", commands_of("README.md"))
def test_the_commands_of_the_readme_are_understood(command: str) -> None:
    app = ElasticApp()
    factory, name, words = app.command_manager.find_command(shlex.split(command))
    parser = factory(app, None).get_parser(f"elastic {name}")
    parser.parse_args(inputs.spread(words))  # SystemExit, if not


def test_the_readme_has_commands() -> None:
    assert len(commands_of("README.md")) > 8
