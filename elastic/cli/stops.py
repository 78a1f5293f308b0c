"""elastic disable, enable, terminate-all: for operators, for one owner or for the whole cluster."""

import argparse

from elastic.cli.asking import Asking
from elastic.cli.shapes import Row
from elastic.client import Client


class _Stop(Asking):
    """`--owner` says whose domains; without it, all there are."""

    owned = True

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        with self.client(parsed_args) as client:
            count = self.do(client, parsed_args.owner)["domains"]
            self.app.stderr.write(f"{count} {'domain' if count == 1 else 'domains'}\n")
            self.after(client, parsed_args)
        return 0

    def do(self, client: Client, owner: str | None) -> Row:
        raise NotImplementedError

    def after(self, client: Client, args: argparse.Namespace) -> None:
        """What else is to be waited for."""


class Disable(_Stop):
    """Have nothing more launched: the first step to an empty cloud. What is on its way may still come up."""

    def do(self, client: Client, owner: str | None) -> Row:
        return client.disable(owner)


class Enable(_Stop):
    """Bring domains that were disabled to their size again."""

    def do(self, client: Client, owner: str | None) -> Row:
        return client.enable(owner)


class TerminateAll(_Stop):
    """End every instance of domains that were disabled. The domains stay, empty, until they are enabled."""

    waits = True

    def do(self, client: Client, owner: str | None) -> Row:
        return client.terminate_all(owner)

    def after(self, client: Client, args: argparse.Namespace) -> None:
        self.wait(args, client.until_empty(args.timeout))
