"""The secret of the cluster."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from elastic.conf import secret
from elastic.errors import BadRequest


def test_a_new_secret_has_32_bytes_and_is_closed_to_others(tmp_path: Path) -> None:
    secret.mint(tmp_path / "secret")
    assert len(secret.read(tmp_path / "secret")) == 32
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_there_is_only_ever_one(tmp_path: Path) -> None:
    def minted(_: int) -> bytes:
        secret.mint(tmp_path / "secret")
        return secret.read(tmp_path / "secret")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(minted, range(32)))) == 1


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    secret.mint(file)
    file.chmod(0o640)
    with pytest.raises(BadRequest, match="chmod 600"):
        secret.read(file)


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "ab" * 33])
def test_what_is_no_secret_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    secret.write_private(file, text)
    with pytest.raises(BadRequest, match="64 hexadecimal digits") as refused:
        secret.read(file)
    assert not text or text not in str(refused.value).replace(str(file), "")


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"none: No such file"):
        secret.read(tmp_path / "none")
