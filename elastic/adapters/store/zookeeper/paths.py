"""How names become names of nodes, readable with zkCli, and back.

Below the cluster's root:

    layout        the store's uid, format and number of partitions
    assignment    its znode version is its serial
    terms/ROLE    its znode version is the term's number; who raised it
    elections/ROLE/   the lock nodes of those who want the role
    members/NAME  what a replica says of itself;  weights/NAME  what an operator says of it
    partitions/NNN/          the incarnation counter
    partitions/NNN/.keys/    answers by idempotency key
    partitions/NNN/DOMAIN/   a domain (see `names.py`), its instances and its decisions below it
    names/NAME    the process that lives under a member's name;  group/members/NAME  tooz's group
    definitions/NAME  types/NAME  strays/SERVER  quarantine/DOMAIN  flags/NAME  events/NNNNNNNNNN
"""

from urllib.parse import quote, unquote


def quoted(name: str) -> str:
    """A node's name: what is no letter, digit or one of `_.-~@` is percent-encoded. None is empty, or all dots."""
    text = quote(name, safe="@", errors="surrogatepass")
    if not text:
        return "%"
    return text.replace(".", "%2E") if not text.strip(".") else text


def unquoted(text: str) -> str:
    return "" if text == "%" else unquote(text, errors="surrogatepass")


def partition_name(number: int) -> str:
    """Three digits at least; more where there are more than a thousand partitions."""
    return f"{number:03d}"
