"""`elastic`: the command. Exit 0: done; 1: refused or failed, one line on stderr says why; 2: the command line
does not parse; 130: Ctrl-C."""

import argparse
import logging
import sys
from importlib.metadata import version
from types import MethodType
from typing import Any, NoReturn

from cliff.app import App

from elastic.cli import inputs, place, streams
from elastic.cli.asking import Asking
from elastic.cli.commands import COMMANDS, command_manager
from elastic.cli.helping import Help, ListCommands
from elastic.errors import ElasticError
from elastic.rules.showing import one_line

FAILED, UNPARSED, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
MAKES_PLACE = frozenset({"run"})
"""Commands that make the cluster's directory, if need be, rather than look for it."""

LOUDNESS = (logging.ERROR, logging.INFO, logging.DEBUG)


class ElasticApp(App):
    NAME = "elastic"

    def __init__(self, **streams: Any) -> None:
        words = "Keeps groups of virtual machines at the size their policy asks for."
        super().__init__(words, version("elastic"), command_manager(), **streams)
        self.command_manager.add_command("help", Help)

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: dict[str, Any] | None = None
    ) -> argparse.ArgumentParser:
        """Options that may stand before the command; all after it is the command's."""
        parser = argparse.ArgumentParser(
            prog=self.NAME,
            description=description,
            add_help=False,
            allow_abbrev=False,
            usage="%(prog)s [options] COMMAND ...",
            **(argparse_kwargs or {}),
        )
        parser.add_argument(
            "-h", "--help", action=ListCommands, nargs=0, default=self, help="show this, and all commands"
        )
        parser.add_argument("--version", action="version", version=f"{self.NAME} {version}")
        parser.add_argument("-v", "--verbose", action="count", default=0, help="say more on stderr; twice: most")
        place.add_options(parser)
        parser.add_argument("--as", dest="as_user", metavar="NAME", help="act for NAME (embedded clusters only)")
        parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
        parser.set_defaults(debug=False)
        self._tell_in_one_line(parser)
        return parser

    def run(self, argv: list[str]) -> int:
        try:
            code = self._run(argv)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:
            code = PIPE_CLOSED
        except OSError as error:
            code = self._say(f"what there is to say cannot be written: {error.strerror}", FAILED)
        return self._flushed(code)

    def _run(self, argv: list[str]) -> int:
        empty = next((word for word in argv if word.startswith("-") and word.endswith("=--")), None)
        if empty:  # argparse would take it for a list
            return self._say(f"{empty!r} gives no value", UNPARSED)
        try:
            self.options = self.parser.parse_args(argv)
            if not self.options.command:
                return self._say("which command? `elastic --help` lists them", UNPARSED)
            return self.run_subcommand(self.options.command)
        except SystemExit as end:  # argparse's way to say that all is said
            return int(end.code or 0)

    def _flushed(self, code: int) -> int:
        """The exit code, once all of stdout is written or given up."""
        try:
            self.stdout.flush()
        except BrokenPipeError:
            streams.forget(self.stdout)
            return code or PIPE_CLOSED
        except OSError as error:
            streams.forget(self.stdout)
            return code or self._say(f"what there is to say cannot be written: {error.strerror}", FAILED)
        return code

    def run_subcommand(self, argv: list[str]) -> int:
        try:
            factory, name, words = self.command_manager.find_command(argv)
        except ValueError:
            return self._say(_no_command(argv), UNPARSED)
        if name not in self.command_manager.commands:  # cliff takes the beginning of a name for it
            return self._say(_no_command(argv), UNPARSED)
        command = factory(self, self.options)
        parser = command.get_parser(f"{self.NAME} {name}")
        parser.allow_abbrev = False
        self._tell_in_one_line(parser)
        if isinstance(command, Asking):
            logging.basicConfig(stream=self.stderr, level=LOUDNESS[min(self.options.verbose, 2)])
        if isinstance(command, Asking) or name in MAKES_PLACE:
            words = [*place.given(self.options), *words]
        if isinstance(command, Asking) and self.options.as_user is not None:
            words = [f"--as={self.options.as_user}", *words]
        args = parser.parse_args(inputs.spread(words))
        try:
            return int(command.run(args))
        except BrokenPipeError:
            raise
        except UnicodeError as error:
            return self._say(f"what was given or found is no text in UTF-8: {error}", FAILED)
        except (ElasticError, ValueError) as error:
            return self._say(str(error), FAILED)
        except OSError as error:
            return self._say(_told(error), FAILED)
        except Exception as error:
            logging.getLogger(__name__).debug("%s failed", name, exc_info=True)
            return self._say(f"this should not happen: {error!r}", FAILED)

    def _say(self, text: str, code: int) -> int:
        try:
            print(f"{self.NAME}: {one_line(text)}", file=self.stderr, flush=True)
        except OSError:  # the exit code tells whoever reads no words
            streams.forget(self.stderr)
        return code

    def _tell_in_one_line(self, parser: argparse.ArgumentParser) -> None:
        def error(parser: argparse.ArgumentParser, message: str) -> NoReturn:
            text = f"{message} (`{parser.prog} --help` tells what there is)"
            raise SystemExit(self._say(text, UNPARSED))

        parser.error = MethodType(error, parser)  # type: ignore[method-assign]


def _no_command(argv: list[str]) -> str:
    """Say what may stand after the first word, if that is one of ours."""
    kin = [name for name in COMMANDS if name.startswith(f"{argv[0]} ")]
    if kin:
        return f"{' '.join(argv[:2])!r} is no command; there are {', '.join(kin)}"
    return f"{argv[0]!r} is no command; `elastic --help` lists them"


def _told(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def main(argv: list[str] | None = None) -> int:
    streams.hold()
    return ElasticApp().run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
