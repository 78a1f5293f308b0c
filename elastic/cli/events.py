"""elastic events"""

import argparse
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from elastic.cli.asking import Rows
from elastic.cli.shapes import Row
from elastic.client import Client
from elastic.rules.showing import visible


class Events(Rows):
    """Show what happened: the last 1,000 events of the cluster. With `-f json`, one object a line."""

    owned = True
    columns = ("time", "domain", "kind", "instance_id", "text")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--domain", metavar="NAME", help="only those of this domain")
        parser.add_argument("--follow", action="store_true", help="go on with those that come, until Ctrl-C")

    def run(self, parsed_args: argparse.Namespace) -> int:
        if not parsed_args.follow and parsed_args.formatter != "json":
            return super().run(parsed_args)
        with self.client(parsed_args) as client:
            self._print(self._events(client, parsed_args), parsed_args)
        return 0

    def rows(self, client: Client, args: argparse.Namespace) -> Sequence[Row]:
        return client.events(domain=args.domain)

    def _events(self, client: Client, args: argparse.Namespace) -> Iterable[dict[str, Any]]:
        return client.follow_events(domain=args.domain) if args.follow else client.events(domain=args.domain)

    def _print(self, events: Iterable[dict[str, Any]], args: argparse.Namespace) -> None:
        columns, _ = self._generate_columns_and_selector(args, self.columns)
        for event in events:
            chosen = {name: event[name] for name in columns}
            line = json.dumps(chosen) if args.formatter == "json" else told(chosen)
            print(line, file=self.app.stdout, flush=True)


def told(event: Row) -> str:
    """An event as a line for people: ISO time, then what there is to say."""
    words = [str(word) for name, word in event.items() if name != "time" and word]
    if "time" in event:
        words.insert(0, datetime.fromtimestamp(event["time"]).astimezone().isoformat("T", "milliseconds"))
    return visible(" ".join(" ".join(words).split()))
