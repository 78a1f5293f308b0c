"""What the URL of a bus may say, and that nothing of a password gets out."""

import ssl
from typing import Any

import pytest

from elastic.adapters.bus.address import Address, addresses, checked_url
from elastic.errors import BadRequest

READ: dict[str, list[Address]] = {
    "amqp://mq": [Address("mq", 5672, "guest", "guest", "/")],
    "amqp://mq//": [Address("mq", 5672, "guest", "guest", "/")],
    "amqp://ann:word@mq:5673/elastic": [Address("mq", 5673, "ann", "word", "elastic")],
    "amqp://a%40b:p%3A%2F%3F%23%40%3B%25@[::1]:1/v%2Fw": [Address("::1", 1, "a@b", "p:/?#@;%", "v/w")],
    "amqp://a:b@m1/v; amqp://a:b@m2/v": [Address("m1", 5672, "a", "b", "v"), Address("m2", 5672, "a", "b", "v")],
}


@pytest.mark.parametrize("url", READ)
def test_an_address_is_read(url: str) -> None:
    assert addresses(url) == READ[url]
    assert checked_url(url) == url


def test_tls_demands_a_certificate_for_each_host_by_its_own_name() -> None:
    files = "ca_file=/tls/ca.pem&cert_file=/tls/c.pem&key_file=/tls/k%20.pem"
    found: list[Any] = [a.tls for a in addresses(f"amqps://a:b@m1/v?{files};amqps://a:b@m2/v")]
    assert found[0] == {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": "m1",
        "ca_certs": "/tls/ca.pem",
        "certfile": "/tls/c.pem",
        "keyfile": "/tls/k .pem",
    }
    assert (found[1]["server_hostname"], found[1]["ca_certs"]) == ("m2", None)
    assert found[1]["cert_reqs"] is ssl.CERT_REQUIRED
    assert addresses("amqps://m1")[0].port == 5671


REFUSED = {
    "redis://u:topsecret@h": "begins with amqp://",
    "memory://topsecret": "begins with amqp://",
    "sqlite+elastic:///topsecret": "absolute path",
    "sqlite://///topsecret": "absolute path",
    "amqp://u:topsecret@": "names a host",
    "amqp://u:topsecret@h:high": "the port",
    "amqp://u:topsecret/x@h/v": "the port",
    "amqp://u:topsecret#x@h/v": "the port|parts end",
    "amqp://u:top;topsecret@h/v": "begins with|the port",
    "amqp://u:12?topsecret@h/v": "behind the",
    "amqp://u:topsecret@h:70000": "the port",
    "amqp://u:12/topsecret@h/v": "parts end",
    "amqp://u:topsecret@h/v?ca_file=/x": "for amqps",
    "amqps://u:topsecret@h/v?verify=topsecret": "behind the",
    "amqps://u:topsecret@h/v?ca_file=": "behind the",
    "amqps://u:topsecret@h/v?key_file=/k": "without cert_file",
    "amqps://u:topsecret@h/v?ssl_cert_reqs=none": "behind the",
}


@pytest.mark.parametrize("url", REFUSED)
def test_what_cannot_be_understood_is_refused_in_one_line_without_its_password(url: str) -> None:
    with pytest.raises(BadRequest, match=REFUSED[url]) as caught:
        checked_url(url)
    text = str(caught.value)
    assert text.startswith("[bus] url: ")
    assert "topsecret" not in text
    assert "\n" not in text
    assert caught.value.__cause__ is None


def test_an_address_that_is_shown_keeps_its_password() -> None:
    assert "word" not in repr(addresses("amqp://ann:word@mq")[0])
