"""elastic domain export | import: domains, and the definitions they are made from, as one file, and back."""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from elastic.cli.asking import Do
from elastic.client import Client
from elastic.conf.documents import read_mapping
from elastic.errors import BadRequest, Conflict, ElasticError, NotFound, Unavailable
from elastic.model.domain import SECTIONS, Json
from elastic.rules.showing import one_line

PARTS = ("definitions", "domains")
KEYS = ("definition", "config", "subscribers", "paused")
MOST_BYTES = 64 * 1024 * 1024  # some 100,000 domains
MASK = "***"
"""How the cluster shows a secret; see `elastic/roles/reactor/secrets.py`."""

THERE = "is there already, and left as it is"
DIFFERS = "is there already and is another, and left as it is"


class Export(Do):
    """Write domains, and the definitions they are made from, to stdout. Secrets are masked."""

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="only these domains")
        parser.add_argument(
            "--all-owners",
            action="store_true",
            help="the domains of all owners, each as OWNER:NAME, and all definitions (operators only)",
        )
        parser.add_argument(
            "-f", "--format", choices=("yaml", "json"), default="yaml", help="yaml (default) or json"
        )

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.all_owners and (parsed_args.names or parsed_args.owner):
            raise BadRequest("--all-owners means all there are: give no names and no --owner with it")
        return super().take_action(parsed_args)

    def do(self, client: Client, args: argparse.Namespace) -> None:
        if args.all_owners:
            rows = {f"{row['owner']}:{row['name']}": row for row in client.domains(all_owners=True)}
            found = {said: _row(client.of(row["owner"]), row["name"]) for said, row in rows.items()}
        elif args.names:
            found = {name: client.domain(name) for name in args.names}
        else:
            found = {row["name"]: _row(client, row["name"]) for row in client.domains()}
        domains = dict(self._staying(found))
        book: dict[str, Json] = {
            "definitions": self._definitions(client, domains, args.all_owners),
            "domains": {said: _entry(row) for said, row in domains.items()},
        }
        self._tell_of_secrets(book)
        text = json.dumps(book, indent=2) if args.format == "json" else yaml.safe_dump(book, sort_keys=False)
        print(text.rstrip("\n"), file=self.app.stdout)

    def _staying(self, found: Mapping[str, Mapping[str, Any] | None]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Without those that went, or are going."""
        for said, row in found.items():
            if row is not None and row["status"] == "REMOVING":
                self._tell(f"domain {said} is being removed, and left out")
            elif row is not None:
                yield said, row

    def _definitions(self, client: Client, domains: Mapping[str, Mapping[str, Any]], all_there_are: bool) -> Json:
        known = {row["name"] for row in client.definitions()}
        used = {row["definition"]: said for said, row in domains.items()}
        for name in sorted(used.keys() - known):
            self._tell(f"definition {name} of domain {used[name]} is no longer there: written as an empty one")
        wanted = sorted(used.keys() | known if all_there_are else used)
        return {name: client.definition(name)["definition"] if name in known else {} for name in wanted}

    def _tell_of_secrets(self, book: Json) -> None:
        for path in _masked(book, ""):
            self._tell(f"{path} is a secret, and masked: write it into the file before it is imported")

    def _tell(self, text: str) -> None:
        print(one_line(text), file=self.app.stderr)


class Import(Do):
    """Add what a file of `elastic domain export` holds; what is there already is left as it is.

    A line on stderr tells of each. What is refused does not hold up the rest; the same again goes on with it.
    """

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--file", required=True, metavar="FILE", help="what `elastic domain export` wrote")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        book = read_mapping(parsed_args.file, MOST_BYTES)
        parsed_args.book = _checked(book, parsed_args.file, parsed_args.owner)
        return super().take_action(parsed_args)

    def do(self, client: Client, args: argparse.Namespace) -> None:
        definitions, domains = args.book.get("definitions") or {}, args.book["domains"]
        known = {row["name"] for row in client.definitions()}
        outcomes = [
            self._try(f"definition {name}", lambda: _add_definition(client, name, body, known))  # noqa: B023
            for name, body in definitions.items()
        ]
        for said, entry in domains.items():
            owner, name = _whose(said, args.owner)
            theirs = client if owner is None else client.of(owner)
            outcomes.append(self._try(f"domain {said}", lambda: _add_domain(theirs, name, entry)))  # noqa: B023
        if not all(outcomes):
            refused = f"{outcomes.count(False)} of {len(outcomes)} were refused"
            raise Conflict(f"{refused}, see above; mend the file and import it again")

    def _try(self, what: str, add: Callable[[], str]) -> bool:
        """Do it and tell of it; False if it is refused. A cluster that does not answer ends the import."""
        try:
            outcome = add()
        except Unavailable:
            raise
        except ElasticError as refusal:
            self._tell(f"{what} is refused: {refusal}")
            return False
        self._tell(f"{what} {outcome}")
        return True

    def _tell(self, text: str) -> None:
        print(one_line(text), file=self.app.stderr)


def _add_definition(client: Client, name: str, body: Mapping[str, Any], known: set[str]) -> str:
    if name not in known:
        client.add_definition(name, body)
        return "added"
    return THERE if _is_shown_as(body, client.definition(name)["definition"]) else DIFFERS


def _add_domain(client: Client, name: str, entry: Mapping[str, Any]) -> str:
    """In one call, so that it is never there without being paused, or without its subscribers."""
    config = entry.get("config") or {}
    body = client.definition(entry["definition"])["definition"]
    subscribers, paused = entry.get("subscribers") or [], entry.get("paused", False)
    try:
        client.add_domain(
            name, entry["definition"], config, _surplus(body, config), subscribers=subscribers, paused=paused
        )
    except Conflict:
        row = client.domain(name)
        if row["status"] == "REMOVING":
            raise
        return THERE if _is_shown_as(entry, _entry(row)) else DIFFERS
    return "added, and paused" if paused else "added"


def _row(client: Client, name: str) -> Mapping[str, Any] | None:
    """None: it was forgotten since it was listed."""
    try:
        return client.domain(name)
    except NotFound:
        return None


def _entry(row: Mapping[str, Any]) -> dict[str, Json]:
    config = {section: dict(row["config"].get(section) or {}) for section in SECTIONS}
    entry: dict[str, Json] = {"definition": row["definition"], "config": {s: c for s, c in config.items() if c}}
    if row["subscribers"]:
        entry["subscribers"] = row["subscribers"]
    if row["paused"]:
        entry["paused"] = True
    return entry


def _surplus(definition: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Keys that the definition has and the domain had not."""
    return [
        f"{section}.{key}"
        for section, part in definition.items()
        for key in part or {}
        if key not in (config.get(section) or {})
    ]


def _is_shown_as(said: Json, shown: Json) -> bool:
    """Whether these may be the same: a secret is not shown."""
    if isinstance(said, dict) and isinstance(shown, dict):
        return said.keys() == shown.keys() and all(_is_shown_as(said[name], shown[name]) for name in said)
    return bool(shown == MASK or said == shown)


def _masked(value: Json, path: str) -> Iterator[str]:
    if value == MASK:
        yield path
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _masked(entry, f"{path}.{name}" if path else str(name))


def _whose(said: str, owner: str | None) -> tuple[str | None, str]:
    """(owner, name) of `OWNER:NAME` or `NAME`; the one on the command line goes before. None: the caller."""
    its_owner, colon, name = said.rpartition(":")
    return owner or (its_owner if colon else None), name


def _checked(book: Mapping[str, Any], file: str, owner: str | None) -> Mapping[str, Any]:
    """Raise BadRequest for a file that no export wrote."""
    unknown = [part for part in book if part not in PARTS]
    if unknown:
        raise BadRequest(f"{file}: has {unknown[0]!r}, which is not understood here; only {', '.join(PARTS)} are")
    domains = book.get("domains")
    if not isinstance(domains, dict) or not isinstance(book.get("definitions") or {}, dict):
        raise BadRequest(f"{file}: has to be a mapping with `domains` (and `definitions`), as export writes it")
    for name, entry in domains.items():
        _check_entry(file, name, entry)
    _refuse_namesakes(file, [_whose(said, owner) for said in domains])
    return book


def _check_entry(file: str, name: str, entry: Any) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("definition"), str):
        raise BadRequest(f"{file}: domain {name} names no definition")
    unknown = [key for key in entry if key not in KEYS]
    if unknown:
        raise BadRequest(f"{file}: domain {name} has {unknown[0]!r}, only {', '.join(KEYS)} are understood")
    config = entry.get("config") or {}
    if not isinstance(config, dict) or not all(isinstance(part or {}, dict) for part in config.values()):
        raise BadRequest(f"{file}: the config of domain {name} has to be a mapping of sections")
    if not isinstance(entry.get("subscribers") or [], list) or not isinstance(entry.get("paused", False), bool):
        raise BadRequest(f"{file}: domain {name}: subscribers have to be a list, and paused true or false")


def _refuse_namesakes(file: str, keys: Sequence[tuple[str | None, str]]) -> None:
    if len(set(keys)) < len(keys):
        owner, name = Counter(keys).most_common(1)[0][0]
        raise BadRequest(f"{file}: two domains would be {name!r} of {owner or 'one owner'}: rename one")
