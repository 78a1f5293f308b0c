"""The package of somebody else's below tests/thirdparty, as if it were installed."""

import configparser
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "thirdparty"


def installed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every process that is started from now on: its entry points stand where an installer writes them."""
    parser = configparser.ConfigParser(default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(PACKAGE / "setup.cfg")
    name, version = parser["metadata"]["name"], parser["metadata"]["version"]
    notes = place / f"{name.replace('-', '_')}-{version}.dist-info"
    notes.mkdir(parents=True)
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = parser["options.entry_points"]
    (notes / "entry_points.txt").write_text("".join(f"[{group}]{lines}\n" for group, lines in points.items()))
    monkeypatch.setenv("PYTHONPATH", f"{place}:{PACKAGE}")
