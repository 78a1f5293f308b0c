"""What the environment may ask for, and what is said of the rest."""

from pathlib import Path

import pytest
from mini_openstack.errors import Trouble
from mini_openstack.settings import PORTS, Settings

from tests.unit.tools.tool import settings

HERE = Path("/somewhere")


def test_what_is_empty_is_as_good_as_not_there() -> None:
    names = ("DIR", "RABBIT_URL", "PORT", "HOST", "COMPUTES", "QUOTA", "PYTHON", "CONSTRAINTS")
    assert settings(HERE, **dict.fromkeys(names, "")) == settings(HERE)


def test_what_is_not_ours_is_not_looked_at() -> None:
    assert Settings.of({"OPENSTACK_DIR": "x", "OS_CLOUD": "y", "PORT": "z"}, HERE) == settings(HERE)


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("DIR", "stack", "directory", HERE / "stack"),
        ("DIR", "/else/where", "directory", Path("/else/where")),
        ("DIR", "/with-ä_~.@(,'", "directory", Path("/with-ä_~.@(,'")),
        ("PORT", "1024", "port", 1024),
        ("PORT", str(65536 - PORTS), "port", 65536 - PORTS),
        ("HOST", "127.0.0.2", "auth_url", "http://127.0.0.2:15000/v3"),
        ("COMPUTES", "  a  b.c-d\t7 ", "computes", ("a", "b.c-d", "7")),
        ("PASSWORD", "a.b_c~d+e-f0", "password", "a.b_c~d+e-f0"),
        ("QUOTA", "default", "quota", "default"),
        ("RABBIT_URL", "rabbit://u:p%40@h.x:5672/v?ssl=1", "rabbit_url", "rabbit://u:p%40@h.x:5672/v?ssl=1"),
        ("RABBIT_URL", "rabbit://u:@h:1/v", "rabbit_url", "rabbit://u:@h:1/v"),
        ("PYTHON", "python3.12", "python", "python3.12"),
        ("PYTHON", "/usr/bin/python3", "python", "/usr/bin/python3"),
        ("PYTHON", "venv/bin/python", "python", "/somewhere/venv/bin/python"),
        ("CONSTRAINTS", __file__, "constraints", Path(__file__)),
        ("TIMEOUT", "1", "timeout", 1),
        ("VCPUS", "007", "vcpus", 7),
    ],
)
def test_a_setting_is_read(name: str, value: str, field: str, read: object) -> None:
    assert getattr(settings(HERE, **{name: value}), field) == read


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert settings(HERE, DIR="~/stack").directory == Path("/home/ann/stack")
    assert settings(HERE, PYTHON="~/bin/python").python == "/home/ann/bin/python"


REFUSED = {
    "DIR": [*(f"/a{character}b" for character in " \t\n?&%#$+:\x01\udcff\u00a0"), "~no-such-user/stack"],
    "PORT": ["1023", str(65537 - PORTS), "http", "-1", "15000.0", " 15000", "1e4", "\u0664" * 5, "9" * 5000],
    "HOST": ["localhost", "::1", "127.0.0.256", "127.1", "1.2.3.4.5", "01.2.3.4", "\u0661.2.3.4", "1.2.3.4\n"],
    "COMPUTES": ["a a", "-a", ".a", "a/b", "a,b", "a_b", "..", "x" * 64, "ä", " "],
    "VCPUS": ["0", "10001", "x"],
    "MEMORY_MB": ["1023", "100000001", "64G"],
    "DISK_GB": ["0", "1000001"],
    "PASSWORD": ["with space", "$x", 'q"', "a@b", "a:b", "a/b", "x" * 65, "secret\n"],
    "QUOTA": ["none", "Default", "10"],
    "RABBIT_URL": [
        "amqp://u:p@h:5672/v",
        "rabbit://h:5672/v",
        "rabbit://u:p@h/v",
        "rabbit://u:p@h:5672",
        "rabbit://u:p@h:5672/",
        "rabbit://u:p@h:5672//",
        "rabbit://u:p@h1:1,u:p@h2:2/v",
        "rabbit://u:p$x@h:5672/v",
        "rabbit://u:p#x@h:5672/v",
        "rabbit://u:p?x@h:5672/v",
        "rabbit://u:p@h:5672/v#x",
        "rabbit://u:p@h:5672/v v",
    ],
    "PYTHON": ["~no-such-user/python"],
    "CONSTRAINTS": ["there/is/none", "/", "~no-such-user/c.txt", "a\nb"],
    "TIMEOUT": ["0", "86401", "forever"],
    "NO_SUCH_THING": ["1", ""],
    "dir": ["stack"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in REFUSED for value in REFUSED[name]])
def test_what_will_not_do_is_refused_in_one_line_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Trouble, match=f"MINI_OPENSTACK_{name}") as refused:
        settings(HERE, **{name: value})
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("name", "value"), [("PASSWORD", "my dear secret"), ("RABBIT_URL", "amqp://me:my-dear-secret@host:5672/v")]
)
def test_a_secret_is_not_told_when_it_is_refused(name: str, value: str) -> None:
    with pytest.raises(Trouble) as refused:
        settings(HERE, **{name: value})
    assert "dear" not in str(refused.value)
