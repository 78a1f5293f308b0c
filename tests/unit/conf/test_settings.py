"""What the files say is what we get, and what is wrong with them is said in one line."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from oslo_config import cfg

from elastic.conf import settings
from elastic.conf.settings import Settings
from elastic.errors import BadRequest

Written = Callable[..., str]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(text: str, name: str = "elastic.conf") -> str:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return str(file)

    return write


def test_without_a_file_everything_has_its_default() -> None:
    said = Settings.of(settings.load([]))
    assert said.coordination.session_timeout == 10
    assert said.coordination.partitions == 256
    assert said.cloud.settle == 30
    assert said.decider.interval == 5
    assert said.doctor.interval == 10
    assert (said.reaper.interval, said.reaper.record_max_age) == (300, 7200)
    assert (said.brake.unhealthy_share, said.brake.unhealthy_min) == (0.3, 3)
    assert said.metrics.listen == "off"
    assert (list(said.sensors.allow), said.sensors.timeout, said.sensors.interval) == ([], 5, 15)


def test_a_member_is_called_as_its_host_unless_it_is_told() -> None:
    assert Settings.of(settings.load([])).default.member
    assert Settings.of(settings.load([], member="r1")).default.member == "r1"


def test_a_later_file_has_the_last_word_and_a_directory_the_very_last(written: Written, tmp_path: Path) -> None:
    first = written("[decider]\ninterval = 1\nbudget = 1\n[doctor]\ninterval = 1\n")
    second = written("[decider]\ninterval = 2\nbudget = 2\n", "second.conf")
    written("[decider]\nbudget = 3\n", "d/third.conf")
    said = Settings.of(settings.load([first, second], [str(tmp_path / "d")]))
    assert (said.doctor.interval, said.decider.interval, said.decider.budget) == (1, 2, 3)


@pytest.mark.parametrize(
    ("store", "backend"),
    [
        ("zookeeper://u:p@h1,h2/chroot?ca_file=/ca", "zookeeper://u:p@h1,h2/chroot?ca_file=/ca"),
        ("sqlite:////var/lib/x/store.db", "file:///var/lib/x/group"),
        ("memory://", "memory://"),
    ],
)
def test_the_group_follows_the_store(written: Written, store: str, backend: str) -> None:
    said = Settings.of(settings.load([written(f"[store]\nurl = {store}\n")]))
    assert said.coordination.backend_url == backend


def test_the_group_is_where_it_is_told_to_be(written: Written) -> None:
    text = "[store]\nurl = sqlite:////x/store.db\n[coordination]\nbackend_url = file:///y\n"
    assert Settings.of(settings.load([written(text)])).coordination.backend_url == "file:///y"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[decider]\ninterval = soon\n", ["elastic.conf: [decider] interval", "soon"]),
        ("[decider]\ninterval = -1\n", ["elastic.conf: [decider] interval", "0.1"]),
        ("[Decider]\ninterval = -1\n", ["elastic.conf: [Decider] interval"]),
        ("[coordination]\npartitions = 5000\n", ["elastic.conf: [coordination] partitions", "4096"]),
        ("[brake]\nunhealthy_share = 30\n", ["elastic.conf: [brake] unhealthy_share", "1"]),
        ("[DEFAULT]\ncluster = a/b\n", ["elastic.conf: [DEFAULT] cluster", "a/b"]),
        ("[DEFAULT]\ncluster = zookeeper\n", ["elastic.conf: [DEFAULT] cluster"]),
        ("[DEFAULT]\ndebug = perhaps\n", ["elastic.conf: [DEFAULT] debug", "perhaps"]),
        ("[rpc]\noperators = ann, b/ob\n", ["elastic.conf: [rpc] operators", "b/ob"]),
        ("[sensors]\ninterval = 0\n", ["elastic.conf: [sensors] interval", "1"]),
        ("[sensors]\ntimeout = 3600\n", ["elastic.conf: [sensors] timeout", "60"]),
        ("[metrics]\nlisten = everywhere\n", ["elastic.conf: [metrics] listen", "everywhere"]),
        ("interval = 3\n", ["elastic.conf: line 1"]),
        ("[decider]\ninterval 3\n", ["elastic.conf: line 2"]),
        ("[decider]\nbudget = ${nothing}\n", ["[decider] budget", "nothing"]),
        ("[store]\nurl = mongodb://x/y\n", ["[store] url", "mongodb", "zookeeper", "[coordination] backend_url"]),
    ],
)
def test_what_is_not_allowed_is_named_with_file_group_key(written: Written, text: str, told: list[str]) -> None:
    with pytest.raises(BadRequest) as refused:
        settings.load([written(text)])
    for word in told:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sources_are_a_list_and_change_with_a_restart_only(written: Written) -> None:
    conf = settings.load([written("[sensors]\nallow = http://a:9090, https://b/prom\n")])
    assert list(Settings.of(conf).sensors.allow) == ["http://a:9090", "https://b/prom"]
    written("[sensors]\nallow = *\n")
    assert list(settings.reread(conf).sensors.allow) == ["http://a:9090", "https://b/prom"]


def test_a_refused_address_is_not_shown(written: Written) -> None:
    with pytest.raises(BadRequest) as refused:
        settings.load([written("[bus]\nurl = ampq//ann:hunter2@h/\n")])
    assert "[bus] url" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_line_that_is_none_is_not_shown(written: Written) -> None:
    with pytest.raises(BadRequest) as refused:
        settings.load([written("[bus]\nhunter2\n")])
    assert "hunter2" not in str(refused.value)


def test_settings_are_shown_without_their_addresses(written: Written) -> None:
    said = Settings.of(settings.load([written("[store]\nurl = zookeeper://ann:hunter2@h/\n")]))
    assert said.store.url == "zookeeper://ann:hunter2@h/"
    assert "hunter2" not in repr(said)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"none\.conf: No such file"):
        settings.load([str(tmp_path / "none.conf")])
    with pytest.raises(BadRequest, match="none: no such directory"):
        settings.load([], [str(tmp_path / "none")])


def test_an_option_that_does_not_exist_is_warned_of(written: Written, caplog: pytest.LogCaptureFixture) -> None:
    text = "[decider]\ncolour = red\ninterval = 3\n[default]\ncluster = x\n[DEFAULT]\nlogdir = /x\nlog-file = y\n"
    with caplog.at_level(logging.WARNING):
        conf = settings.load([written(text)])
    assert Settings.of(conf).decider.interval == 3
    warned = [record.getMessage() for record in caplog.records]
    assert [line.rpartition(": ")[0].partition(": ")[2] for line in warned] == [
        "[decider] colour is no option",
        "[default] cluster is no option",
    ]


def test_the_global_configuration_is_left_alone(written: Written) -> None:
    settings.load([written("[decider]\ninterval = 3\n")])
    assert "decider" not in cfg.CONF


def test_a_file_read_again_changes_what_may_change(written: Written) -> None:
    conf = settings.load([written("[decider]\ninterval = 3\n[cloud]\nworkers = 2\n")])
    written("[decider]\ninterval = 7\n[cloud]\nworkers = 9\n")
    said = settings.reread(conf)
    assert said.decider.interval == 7
    assert said.cloud.workers == 2


def test_a_file_that_went_bad_changes_nothing(written: Written) -> None:
    conf = settings.load([written("[decider]\ninterval = 3\nbudget = 2\n")])
    written("[decider]\ninterval = 7\nbudget = many\n")
    with pytest.raises(BadRequest, match="budget"):
        settings.reread(conf)
    assert Settings.of(conf).decider.interval == 3
