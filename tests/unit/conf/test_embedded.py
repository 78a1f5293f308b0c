"""The configuration that `elastic run` writes."""

from pathlib import Path

import pytest

from elastic.conf import embedded, secret, settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest


def said_by(file: Path) -> Settings:
    return Settings.of(settings.load([str(file)]))


def test_everything_is_in_the_one_directory(tmp_path: Path) -> None:
    place = tmp_path / "data"
    file = embedded.write(place, 3, "local")
    said = said_by(file)
    assert file == place / "elastic.conf"
    assert said.store.url == f"sqlite:///{place}/store.db"
    assert said.bus.url == f"sqlite+elastic:///{place}/bus.db"
    assert said.coordination.backend_url == f"file://{place}/group"
    assert (said.cloud.driver, said.cloud.local_dir) == ("local", f"{place}/cloud")
    assert (said.default.secret_file, said.default.run_dir) == (f"{place}/secret", f"{place}/run")
    assert len(secret.read(place / "secret")) == 32


def test_an_embedded_cluster_is_quicker_than_a_real_one(tmp_path: Path) -> None:
    said = said_by(embedded.write(tmp_path / "data"))
    assert said.coordination.session_timeout == 2
    assert said.cloud.settle == 2
    assert said.decider.interval == 1
    assert said.doctor.interval == 2


def test_what_it_writes_is_closed_to_others(tmp_path: Path) -> None:
    embedded.write(tmp_path / "data")
    modes = {
        path.name: path.stat().st_mode & 0o077 for path in [tmp_path / "data", *(tmp_path / "data").iterdir()]
    }
    assert not any(modes.values()), modes


def test_a_second_run_keeps_what_the_user_wrote(tmp_path: Path) -> None:
    file = embedded.write(tmp_path, 3, "local")
    before = secret.read(tmp_path / "secret")
    file.write_text(file.read_text().replace("interval = 1\n", "interval = 3\n"))
    assert embedded.write(tmp_path, 5, "local") == file
    assert said_by(file).decider.interval == 3
    assert secret.read(tmp_path / "secret") == before


def test_a_cloud_of_clouds_yaml_has_its_time_to_settle(tmp_path: Path) -> None:
    cloud = said_by(embedded.write(tmp_path, 3, "ec2-east")).cloud
    assert (cloud.driver, cloud.clouds, cloud.settle) == ("openstack", ["ec2-east"], 30)


def test_a_directory_of_another_cloud_is_refused(tmp_path: Path) -> None:
    embedded.write(tmp_path, 3, "local")
    with pytest.raises(BadRequest, match="'local', not 'ec2-east'"):
        embedded.write(tmp_path, 3, "ec2-east")


def test_a_directory_whose_cloud_is_not_asked_for_keeps_its_own(tmp_path: Path) -> None:
    file = embedded.write(tmp_path, 3, "ec2-east")
    assert said_by(embedded.write(tmp_path)).cloud.clouds == ["ec2-east"]
    assert file.exists()


def test_a_directory_that_was_moved_is_refused(tmp_path: Path) -> None:
    embedded.write(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    with pytest.raises(BadRequest, match="another place"):
        embedded.write(tmp_path / "there")


def test_a_path_with_a_blank_is_read_back_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "my data"
    assert said_by(embedded.write(place)).cloud.local_dir == f"{place}/cloud"


@pytest.mark.parametrize("name", ["what?", "50%", "a#b", "$HOME"])
def test_a_path_that_cannot_stand_in_an_address_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="may not have"):
        embedded.write(tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRequest, match="file cannot hold a cluster"):
        embedded.write(tmp_path / "file")
