"""elastic help: all commands, a line each; or one of them at length."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from cliff.app import App
from cliff.help import HelpCommand, HelpExit


class ListCommands(argparse.Action):
    """`default` is the app whose commands these are."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002
        values: str | Sequence[Any] | None,  # noqa: ARG002
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        app: App = self.default
        parser.print_help(app.stdout)
        print("\nCommands:", *_lines(app), sep="\n", file=app.stdout)
        raise HelpExit


class Help(HelpCommand):
    """Tell of a command, or list all."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.cmd:
            return int(super().take_action(parsed_args))
        ListCommands([], argparse.SUPPRESS, default=self.app)(self.app.parser, parsed_args, None)
        return 0


def _lines(app: App) -> Iterator[str]:
    commands = sorted(app.command_manager)
    width = max(len(name) for name, _ in commands)
    for name, entry in commands:
        told = entry.load()(app, None).get_description().splitlines()[0].rstrip(".")
        yield f"  {name:<{width}}  {told}"
