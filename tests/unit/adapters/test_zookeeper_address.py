"""Where a ZooKeeper is, by its URL; and how names become names of nodes."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elastic.adapters.store.zookeeper.address import Address, parsed
from elastic.adapters.store.zookeeper.paths import partition_name, quoted, unquoted
from elastic.errors import BadRequest

HOSTS = "h1:2181,h2:2181"

SAID = {
    "zookeeper://h1": Address(hosts="h1"),
    f"zookeeper://{HOSTS}/": Address(hosts=HOSTS),
    f"zookeeper://{HOSTS}/a/b/": Address(hosts=HOSTS, chroot="/a/b"),
    "zookeeper://[::1]:2181,10.0.0.1:2182/a": Address(hosts="[::1]:2181,10.0.0.1:2182", chroot="/a"),
    "zookeeper://ann:w@h1": Address(hosts="h1", user="ann", secret="w"),  # noqa: S106
    "zookeeper://ann:w%40%2F%3A%25:x@h1/a": Address(hosts="h1", chroot="/a", user="ann", secret="w@/:%:x"),  # noqa: S106
    "zookeeper://h1/a?ca_file=/ca": Address(hosts="h1", chroot="/a", ca_file="/ca"),
    "zookeeper://h1?ca_file=/ca&cert_file=/c%20c&key_file=/k": Address(
        hosts="h1", ca_file="/ca", cert_file="/c c", key_file="/k"
    ),
}


@pytest.mark.parametrize("url", SAID)
def test_a_url_says_where_and_who(url: str) -> None:
    assert parsed(url) == SAID[url]


REFUSED = {
    "zookeeper://": "name its servers",
    "zookeeper:///a": "name its servers",
    "zookeeper://h1,,h2": "name its servers",
    "zookeeper://h 1": "name its servers",
    "zookeeper://h1:port": "name its servers",
    "zookeeper://h1:0": "no port",
    "zookeeper://h1:65536": "no port",
    "zookeeper://ann@h1": "one of them is missing",
    "zookeeper://ann:@h1": "one of them is missing",
    "zookeeper://:w0rd@h1": "one of them is missing",
    "zookeeper://a%3Ab:w0rd@h1": "no colon",
    "zookeeper://ann:w0rd@h1/a//b": "no path of a node",
    "zookeeper://ann:w0rd@h1/a/../b": "no path of a node",
    "zookeeper://ann:w0rd@h1/zookeeper/a": "ZooKeeper's own",
    "zookeeper://ann:w0rd@h1/a#b": "write %23",
    "zookeeper://ann:w0rd@h1/a?ca": "name=value",
    "zookeeper://ann:w0rd@h1/a?verify=no": "verify is not known",
    "zookeeper://ann:w0rd@h1/a?ca_file=/a&ca_file=/b": "twice",
    "zookeeper://ann:w0rd@h1/a?cert_file=/a&key_file=/b": "need a ca_file",
    "zookeeper://ann:w0rd@h1/a?ca_file=/a&key_file=/b": "go together",
}


@pytest.mark.parametrize("url", REFUSED)
def test_a_bad_one_is_refused_in_one_line_without_the_secret(url: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(REFUSED[url])) as caught:
        parsed(url)
    text = str(caught.value)
    assert text.startswith("[store] url: ")
    assert "\n" not in text
    assert "w0rd" not in text


def test_the_secret_is_not_shown() -> None:
    address = parsed("zookeeper://ann:w0rd@h1/a")
    assert address.credentials == "ann:w0rd"
    assert "w0rd" not in f"{address} {address!r}"


def test_without_a_ca_there_is_no_tls(tmp_path: Path) -> None:
    assert Address(hosts="h1").tls() is None
    (tmp_path / "no.pem").write_text("no certificate")
    for missing in (tmp_path / "none.pem", tmp_path / "no.pem"):
        with pytest.raises(BadRequest, match=f"ca_file {missing}"):
            Address(hosts="h1", ca_file=str(missing)).tls()


NAMES = {
    "web-1_a.b~@c": "web-1_a.b~@c",
    "": "%",
    ".": "%2E",
    "..": "%2E%2E",
    ".keys": ".keys",
    "a/b": "a%2Fb",
    "a:b": "a%3Ab",
    "\0\n": "%00%0A",
    "%": "%25",
    "ü": "%C3%BC",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_readable(name: str) -> None:
    assert quoted(name) == NAMES[name]


@given(st.text(), st.text())
def test_each_name_has_one_node_of_its_own(name: str, other: str) -> None:
    assert unquoted(quoted(name)) == name
    assert (quoted(name) == quoted(other)) == (name == other)
    assert re.fullmatch(r"[A-Za-z0-9_.~@%-]+", quoted(name))
    assert quoted(name).strip(".")


def test_partitions_are_in_order_as_text_up_to_a_thousand() -> None:
    names = [partition_name(number) for number in (0, 7, 42, 255, 999)]
    assert names == ["000", "007", "042", "255", "999"] == sorted(names)
    assert partition_name(4095) == "4095"
