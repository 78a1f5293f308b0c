"""Each hazard that the rules of the design were found against has a test that names it.

By `@pytest.mark.hazard("F1")`. What each one is, and what became of it, is told in doc/reliability.md.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
HAZARDS = tuple(f"F{number}" for number in range(1, 28))
NOT_YET: dict[str, str] = {}


def named(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(hazard, test) for each mark of a module that pytest would see; a test in a class as `Class.test`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from ((hazard, "all") for mark in marks for hazard in _hazards(mark))
        yield from _marked(node, "")


def _marked(node: ast.stmt, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
        yield from ((hazard, node.name) for mark in node.decorator_list for hazard in _hazards(mark))
        for inner in node.body:
            yield from _marked(inner, f"{node.name}.")
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
        yield from ((hazard, prefix + node.name) for mark in node.decorator_list for hazard in _hazards(mark))


def _hazards(mark: ast.expr) -> Iterator[str]:
    """Those that `pytest.mark.hazard(...)` names. Any other expression names none."""
    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.hazard":
        yield from (str(ast.literal_eval(argument)) for argument in mark.args)


def all_named() -> dict[str, list[str]]:
    """The tests of each hazard, as `tests/unit/rules/test_ring.py:test_a_slot_is_for_life`."""
    found = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for hazard, test in named(ast.parse(file.read_text())):
            found[hazard].append(f"{file.relative_to(ROOT)}:{test}")
    return found


def faults(found: dict[str, list[str]], not_yet: dict[str, str]) -> list[str]:
    return [
        *(f"no test names {hazard}" for hazard in HAZARDS if hazard not in found and hazard not in not_yet),
        *(f"{hazard} has a test by now: {found[hazard][0]}" for hazard in not_yet if hazard in found),
        *(f"there is no hazard {hazard}: {tests[0]}" for hazard, tests in found.items() if hazard not in HAZARDS),
    ]


def test_each_hazard_has_a_test_that_names_it() -> None:
    assert faults(all_named(), NOT_YET) == []


def test_the_page_names_a_test_of_each() -> None:
    """And no other than those that name it."""
    page = (ROOT / "doc" / "reliability.md").read_text()
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| F")}
    found = all_named()
    assert sorted(rows) == sorted(HAZARDS)
    for hazard in HAZARDS:
        shown = [part for part in rows[hazard].split("`") if part.startswith("tests/")]
        assert set(shown) <= set(found.get(hazard, ())), hazard
        assert shown or hazard in NOT_YET, hazard


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('@pytest.mark.hazard("F1", "F2")\ndef test_it(): ...', [("F1", "test_it"), ("F2", "test_it")]),
        ('@pytest.mark.hazard("F3")\nclass TestIt:\n    def test_one(self): ...', [("F3", "TestIt")]),
        ('class TestIt:\n    @pytest.mark.hazard("F3")\n    def test_one(self): ...', [("F3", "TestIt.test_one")]),
        ('pytestmark = [pytest.mark.slow, pytest.mark.hazard("F4")]', [("F4", "all")]),
        ('pytestmark = pytest.mark.hazard("F4")', [("F4", "all")]),
        ('@pytest.mark.hazard("F5")\ndef helper(): ...', []),
        ("@pytest.mark.slow\ndef test_it(): ...", []),
    ],
)
def test_a_mark_is_seen_where_pytest_sees_it(text: str, found: list[tuple[str, str]]) -> None:
    assert list(named(ast.parse(text))) == found


@pytest.mark.parametrize(
    ("missing", "not_yet", "fault"),
    [
        ("F7", {}, "no test names F7"),
        ("F7", {"F7": "why"}, None),
        (None, {"F7": "why"}, "F7 has a test by now: a:test"),
    ],
)
def test_one_that_is_missing_or_is_there_after_all_is_told(
    missing: str | None, not_yet: dict[str, str], fault: str | None
) -> None:
    found = {hazard: ["a:test"] for hazard in HAZARDS if hazard != missing}
    assert faults(found, not_yet) == ([fault] if fault else [])


def test_a_name_that_is_no_hazard_is_told() -> None:
    found = {hazard: ["a:test"] for hazard in (*HAZARDS, "F28")}
    assert faults(found, {}) == ["there is no hazard F28: a:test"]


def writes_without_a_fence(tree: ast.Module) -> list[int]:
    """Lines that call `change` of a store."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "change"
        and ast.unparse(node.func.value).endswith("store")
    ]


@pytest.mark.hazard("F15")
def test_only_the_reactor_writes_without_a_fence() -> None:
    roles = ROOT / "elastic" / "roles"
    found = {
        str(file.relative_to(roles)): lines
        for file in roles.rglob("*.py")
        if (lines := writes_without_a_fence(ast.parse(file.read_text())))
    }
    assert {name.split("/")[0] for name in found} == {"reactor"}
