"""elastic domain export | import: all domains of an owner as one file, and back."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

import yaml

from elastic.cli import inputs
from elastic.cli.asking import Do
from elastic.client import Client
from elastic.errors import BadRequest, Conflict
from elastic.model.domain import SECTIONS, Json


class Export(Do):
    """Write all domains, and the definitions they are made from, to stdout. Secrets are masked."""

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="only these domains")
        parser.add_argument(
            "-f", "--format", choices=("yaml", "json"), default="yaml", help="yaml (default) or json"
        )

    def do(self, client: Client, args: argparse.Namespace) -> None:
        names = args.names or [row["name"] for row in client.domains()]
        domains = {name: client.domain(name) for name in names}
        known = {row["name"] for row in client.definitions()}
        used = sorted({row["definition"] for row in domains.values()} & known)
        book = {
            "definitions": {name: client.definition(name)["definition"] for name in used},
            "domains": {name: _entry(row) for name, row in domains.items()},
        }
        text = json.dumps(book, indent=2) if args.format == "json" else yaml.safe_dump(book, sort_keys=False)
        print(text.rstrip("\n"), file=self.app.stdout)


class Import(Do):
    """Add the domains that a file of `elastic domain export` holds; those that are there are left as they are."""

    owned = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--file", required=True, metavar="FILE", help="what `elastic domain export` wrote")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        parsed_args.book = _checked(inputs.read_mapping(parsed_args.file), parsed_args.file)
        return super().take_action(parsed_args)

    def do(self, client: Client, args: argparse.Namespace) -> None:
        self._add_definitions(client, args.book.get("definitions") or {})
        for name, entry in args.book["domains"].items():
            self._add_domain(client, name, entry)

    def _add_definitions(self, client: Client, definitions: Mapping[str, Any]) -> None:
        known = {row["name"] for row in client.definitions()}
        for name, body in definitions.items():
            if name not in known:
                client.add_definition(name, body)
                self._tell(f"definition {name} added")

    def _add_domain(self, client: Client, name: str, entry: Mapping[str, Any]) -> None:
        config = entry.get("config") or {}
        body = client.definition(entry["definition"])["definition"]
        try:
            client.add_domain(name, entry["definition"], config, _surplus(body, config))
        except Conflict:
            self._tell(f"domain {name} is there already, and left as it is")
            return
        self._tell(f"domain {name} added")
        for subscriber in entry.get("subscribers") or ():
            client.subscribe(name, subscriber)
        if entry.get("paused"):
            client.pause_domain(name)

    def _tell(self, text: str) -> None:
        print(text, file=self.app.stderr)


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


def _checked(book: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    domains = book.get("domains")
    if not isinstance(domains, dict) or not isinstance(book.get("definitions") or {}, dict):
        raise BadRequest(f"{file}: has to be a mapping with `domains` (and `definitions`), as export writes it")
    for name, entry in domains.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("definition"), str):
            raise BadRequest(f"{file}: domain {name} names no definition")
        if not isinstance(entry.get("config") or {}, dict):
            raise BadRequest(f"{file}: the config of domain {name} has to be a mapping of sections")
    return book
