"""The arrows hold, and we would see it if they did not."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "elastic"
PURE = ("model", "rules", "engines")

EFFECTS = frozenset(
    {
        "time",
        "random",
        "secrets",
        "uuid",
        "logging",
        "threading",
        "asyncio",
        "socket",
        "os",
        "pathlib",
        "subprocess",
        "io",
    }
)
CLOCKS = frozenset({"now", "utcnow", "today"})


def checked(place: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package that lies in `place`, by the contracts of this repository."""
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *chosen]
    return subprocess.run(command, cwd=place, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def a_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / ".importlinter", place)
    shutil.copytree(PACKAGE, place / "elastic", ignore=shutil.ignore_patterns("__pycache__"))
    return place


@pytest.fixture
def copy(a_copy: Path) -> Iterator[Path]:
    """A copy of the package to spoil: `spoilt` files are put right again afterwards."""
    yield a_copy
    for file in a_copy.rglob("*.spoilt"):
        file.rename(file.with_suffix(".py"))


def spoil(place: Path, module: str, line: str) -> None:
    file = place / "elastic" / f"{module}.py"
    if not file.exists():
        file = place / "elastic" / module / "__init__.py"
    text = file.read_text()
    file.rename(file.with_suffix(".spoilt"))
    file.write_text(f"{text}\n{line}\n")


def test_every_arrow_points_down() -> None:
    found = checked(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


def test_every_module_has_its_layer() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    placed = set(re.findall(r"elastic\.(\w+)", contracts["importlinter:contract:layers"]["layers"]))
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert placed == there - {"__init__"}


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("layers", "errors", "import elastic.model.names"),
        ("layers", "model/names", "import elastic.rules.ring"),
        ("layers", "rules/ring", "import elastic.roles.cycle"),
        ("layers", "ports/store", "import elastic.adapters.codec"),
        ("layers", "roles/cycle", "import elastic.adapters.clock"),
        ("layers", "adapters/clock", "import elastic.conf.settings"),
        ("layers", "conf/settings", "import elastic.assembly"),
        ("layers", "roles/decider", "import elastic.agent"),
        ("layers", "assembly", "import elastic.replica"),
        ("layers", "replica", "import elastic.cli"),
        ("pure", "model/states", "import time"),
        ("pure", "rules/lifecycle", "import random"),
        ("pure", "rules/ring", "from uuid import uuid4"),
        ("pure", "rules/diagnosis", "import logging"),
        ("pure", "engines/simplest", "from oslo_config import cfg"),
        ("roles", "roles/doctor", "import elastic.roles.decider"),
        ("roles", "roles/decider", "import elastic.roles.reactor"),
        ("node", "node", "import elastic.adapters.store"),
        ("client", "client", "import elastic.roles.cycle"),
        ("whatif", "cli/whatif", "import elastic.adapters.codec"),
    ],
)
def test_an_arrow_that_points_up_is_seen(copy: Path, contract: str, module: str, line: str) -> None:
    spoil(copy, module, line)
    found = checked(copy, contract)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "1 broken" in found.stdout


def test_the_copy_as_it_is_keeps_all_contracts(copy: Path) -> None:
    assert checked(copy).returncode == 0


def pure_files() -> list[Path]:
    return sorted(file for layer in PURE for file in (PACKAGE / layer).rglob("*.py"))


def impurities(text: str) -> list[str]:
    """What a module does that depends on when or where it is done: effects imported, clocks read, files opened."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                found += [name.name for name in names if name.name.split(".")[0] in EFFECTS]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in EFFECTS:
                found.append(module)
            case ast.Call(func=ast.Attribute(attr=attr), args=[]) if attr in CLOCKS:
                found.append(f"{attr}()")
            case ast.Call(func=ast.Name(id="open" | "print" | "input" as name)):
                found.append(f"{name}()")
            case ast.Global(names=names):
                found += [f"global {name}" for name in names]
    return found


@pytest.mark.parametrize("file", pure_files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_the_core_depends_on_its_arguments_alone(file: Path) -> None:
    assert impurities(file.read_text()) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("import time", ["time"]),
        ("import os.path", ["os.path"]),
        ("def f():\n    from random import choice", ["random"]),
        ("from datetime import datetime\ndatetime.now()", ["now()"]),
        ("open('x')", ["open()"]),
        ("def f():\n    global x", ["global x"]),
        ("from datetime import datetime\nimport math", []),
    ],
)
def test_what_is_not_pure_is_seen(text: str, seen: list[str]) -> None:
    assert impurities(text) == seen
