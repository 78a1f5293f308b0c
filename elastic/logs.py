"""Logs: oslo.log, and in each line the domain, the member and the term that it is about.

Whoever has something to say uses `logging.getLogger(__name__)`; `about` says once, further up, what the
lines below are about. Secrets are masked at the end, in the finished line, tracebacks included. What a message
quotes from elsewhere begins no line of its own: control characters are shown as escapes.
"""

import copy
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log as oslo_log
from oslo_utils.strutils import mask_password

NOTHING = "-"
FIELDS = ("domain", "member", "term")

_domain: ContextVar[str] = ContextVar("domain", default=NOTHING)
_term: ContextVar[str] = ContextVar("term", default=NOTHING)

_IN_ADDRESS = re.compile(r"(://[^:/?#\s@]*:)[^/\s]*@")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_KEY = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])")  # the cluster's secret, and the VMs' keys


def setup(conf: cfg.ConfigOpts, member: str, log_file: str | Path | None = None) -> None:
    """From now on this process logs as `conf` says: to stderr, and to `log_file` if there is one.

    `conf` comes from `elastic.conf.settings.load`. `debug` follows it when its files are read again.
    """
    if log_file is not None:
        conf.set_override("log_file", str(log_file))
    elif conf.log_dir:
        conf.set_default("log_file", f"{member}.log")
    oslo_log.setup(conf, "elastic")
    logging.raiseExceptions = False  # a log that takes no more, on a full disk: no traceback for each line
    for handler in logging.getLogger().handlers:
        handler.addFilter(_Subject(member))
        handler.setFormatter(_Masked(handler.formatter))
    threading.excepthook = _thread_died
    conf.register_mutate_hook(_follow_level)


@contextmanager
def about(*, domain: object = None, term: object = None) -> Iterator[None]:
    """What is logged inside, by this thread, is about this domain, in this term. None: as it was."""
    was = _domain.set(_domain.get() if domain is None else str(domain))
    old = _term.set(_term.get() if term is None else str(term))
    try:
        yield
    finally:
        _term.reset(old)
        _domain.reset(was)


def masked(text: str) -> str:
    """`text` without passwords, in addresses and elsewhere, and without keys."""
    text = _IN_ADDRESS.sub(r"\1***@", text)
    return str(mask_password(_KEY.sub("***", text)))


class Complaint:
    """Of what is tried again and again: a line when it begins to fail, and none while it fails in the same way.

    `text` has a %s for why. Not for several threads at once.
    """

    def __init__(self, log: logging.Logger, text: str) -> None:
        self._log, self._text = log, text
        self._kind: type[Exception] | None = None

    def raised(self, trouble: Exception) -> None:
        if type(trouble) is not self._kind:
            self._log.warning(self._text, trouble)
        self._kind = type(trouble)

    def settled(self) -> None:
        self._kind = None


class _Subject(logging.Filter):
    """Puts into each record what it is about."""

    def __init__(self, member: str) -> None:
        super().__init__()
        self._member = member

    def filter(self, record: logging.LogRecord) -> bool:
        record.domain, record.member, record.term = _domain.get(), self._member, _term.get()
        record.extra_keys = sorted({*getattr(record, "extra_keys", ()), *FIELDS})  # for oslo.log's JSON
        return True


class _Masked(logging.Formatter):
    """Another formatter's lines, each message on one line, masked."""

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        record.msg, record.args = _CONTROL.sub(_escape, record.getMessage()), ()
        return masked(_without_repetition(self._inner.format(record), record))


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _without_repetition(line: str, record: logging.LogRecord) -> str:
    """oslo.log ends a warning with the error that is being handled, though the message may say it already."""
    summary = str(getattr(record, "error_summary", "") or "")
    said = summary.partition(": ")[2]
    repeats = said != "" and record.exc_info is None and _CONTROL.sub(_escape, said) in record.msg
    return line.removesuffix(f": {summary}") if repeats else line


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or isinstance(args.exc_value, SystemExit):
        return
    name = args.thread.name if args.thread else "?"
    trouble = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger(__name__).critical("thread %s has died", name, exc_info=trouble)


def _follow_level(conf: cfg.ConfigOpts, fresh: dict[tuple[str | None, str], Any]) -> None:
    if (None, "debug") in fresh:
        logging.getLogger().setLevel(logging.DEBUG if conf.debug else logging.INFO)
