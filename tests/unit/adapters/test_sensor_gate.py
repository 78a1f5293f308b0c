"""A domain has nobody asked whom operators did not name, however the address is written."""

import pytest

from elastic.adapters.sensor.gate import Origin, UrlGate
from elastic.errors import BadRequest
from elastic.ports.sensor import Closed

GATE = UrlGate(["http://prometheus.example:9090", "https://host.example/prom/", "http://[2001:DB8::1]:80"])

ALLOWED = [
    "http://prometheus.example:9090",
    "http://prometheus.example:9090/",
    "http://prometheus.example:9090/any/path?x=1",
    "HTTP://PROMETHEUS.Example:9090/",
    "http://prometheus.example:09090/",
    "https://host.example/prom",
    "https://host.example:443/prom/below?and=more",
    "https://host.example/prom/a..b",
    "https://host.example/prom/a%20b/$owner/$domain",
    "http://[2001:db8::1]/",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_what_operators_name_may_be_asked_with_all_that_lies_below(url):
    GATE.check(url, "url")


ELSEWHERE = {
    "another host": "http://other.example:9090/",
    "a host that begins so": "http://prometheus.example.evil:9090/",
    "a host below": "http://evil.prometheus.example:9090/",
    "a host with a dot behind": "http://prometheus.example.:9090/",
    "the port by default": "http://prometheus.example/",
    "port 0, which is not the default": "https://host.example:0/prom",
    "another scheme": "https://prometheus.example:9090/",
    "beside the path": "https://host.example/promenade",
    "above the path": "https://host.example/",
    "the path in other letters": "https://host.example/PROM",
    "the path written otherwise": "https://host.example/%70rom",
    "the metadata service": "http://169.254.169.254/latest/meta-data/",
    "this host": "http://127.0.0.1:9090/",
    "this host as a number": "http://2130706433:9090/",
    "another address of IPv6": "http://[2001:db8::2]/",
    "an address within IPv6": "http://[::ffff:169.254.169.254]/",
    "a host that names fill in": "http://$owner.example/",
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_nobody_else_is_asked(case):
    with pytest.raises(
        BadRequest, match=r"^sensor_data\.url: http.* is not among the sources that operators allow"
    ):
        GATE.check(ELSEWHERE[case], "sensor_data.url")


ODD = {
    "no address": ("prometheus", "begin with http"),
    "nothing": ("", "begin with http"),
    "no host": ("http:///x", "begin with http"),
    "no slashes": ("http:prometheus.example", "begin with http"),
    "a file": ("file:///etc/passwd", "begin with http"),
    "another protocol": ("gopher://prometheus.example:9090/", "begin with http"),
    "a user": ("http://ann@prometheus.example:9090/", "must not carry a login"),
    "an empty user": ("http://@prometheus.example:9090/", "must not carry a login"),
    "an allowed host as user": ("http://prometheus.example:9090@evil/", "must not carry a login"),
    "a backslash": ("http://evil\\@prometheus.example:9090/", "plain ASCII"),
    "a backslash before the host's end": ("http://prometheus.example:9090\\.evil/", "plain ASCII"),
    "a tab within the host": ("http://prometheus.exam\tple:9090/", "plain ASCII"),
    "a line end": ("http://prometheus.example:9090/\r\nHost: evil", "plain ASCII"),
    "a line end behind": ("http://prometheus.example:9090/\n", "plain ASCII"),
    "a blank before": (" http://prometheus.example:9090/", "plain ASCII"),
    "wide letters": ("http://\uff50rometheus.example:9090/", "plain ASCII"),
    "a dot of another script": ("http://prometheus\u3002example:9090/", "plain ASCII"),
    "digits of another script": ("http://prometheus.example:\u0669\u0660\u0669\u0660/", "plain ASCII"),
    "up": ("https://host.example/prom/../admin", "must not go up"),
    "up at the end": ("https://host.example/prom/..", "must not go up"),
    "up, encoded": ("https://host.example/prom/%2e%2E/admin", "must not go up"),
    "up, half encoded": ("https://host.example/prom/.%2e/admin", "must not go up"),
    "up, with an encoded slash": ("https://host.example/prom/..%2fadmin", "must not go up"),
    "up, with an encoded backslash": ("https://host.example/prom/x%5C..%5cadmin", "must not go up"),
    "up, with a parameter": ("https://host.example/prom/..;/admin", "must not go up"),
    "up, once a domain is called 2e": ("https://host.example/prom/%$domain%$domain/admin", "plain ASCII"),
    "half an escape": ("https://host.example/prom/%2", "plain ASCII"),
    "a port that is none": ("http://prometheus.example:high/", "[Pp]ort"),
    "a port too high": ("http://prometheus.example:99999/", "[Pp]ort"),
    "half an address of IPv6": ("http://[2001:db8::1/", "IPv6"),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("gate", [GATE, UrlGate(["*"])], ids=["some", "all"])
def test_what_one_reader_may_take_for_another_address_than_the_next_is_refused(case, gate):
    url, why = ODD[case]
    with pytest.raises(BadRequest, match=rf"^opentsdb_host: .*{why}"):
        gate.check(url, "opentsdb_host")


def test_a_refusal_shows_no_login():
    with pytest.raises(BadRequest) as refused:
        GATE.check("http://ann:hunter2@prometheus.example:9090/", "url")
    assert "hunter2" not in str(refused.value)


def test_a_star_allows_all_and_nothing_allows_none():
    UrlGate(["*"]).check("http://anywhere.example/", "url")
    for closed in (UrlGate([]), Closed()):
        with pytest.raises(BadRequest, match=r"url: .*operators allow.*\[sensors\] allow"):
            closed.check("http://prometheus.example:9090/", "url")


@pytest.mark.parametrize("name", ["prometheus.example:9090", "ftp://x", "http://ann:hunter2@x/", "http://x:high/"])
def test_an_operator_is_told_of_what_is_no_address(name):
    with pytest.raises(BadRequest, match=r"^\[sensors\] allow: ") as refused:
        UrlGate(["http://well.example", name])
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://Host.example", "host.example:80"),
        ("https://host.example/x?y", "host.example:443"),
        ("http://HOST.example:080", "host.example:80"),
        ("http://[2001:DB8::1]:9090/", "[2001:db8::1]:9090"),
    ],
)
def test_a_place_is_called_the_same_however_it_is_written(url, place):
    """It has threads of its own: a hundred spellings must not give a hundred times as many."""
    assert Origin.of(url).place == place
