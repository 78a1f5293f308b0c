"""The checks that a write's own transaction makes before anything else."""

import sqlite3

from elastic.errors import Superseded
from elastic.model.assignment import Seat, Tenure, Term


def serial(connection: sqlite3.Connection) -> int:
    """That of the newest assignment; 0 before the first."""
    row = connection.execute("SELECT serial FROM assignment").fetchone()
    return int(row[0]) if row else 0


def newest_term(connection: sqlite3.Connection, role: str) -> int:
    row = connection.execute("SELECT number FROM terms WHERE role = ?", (role,)).fetchone()
    return int(row[0]) if row else 0


def raised_term(connection: sqlite3.Connection, seat: Seat) -> int:
    """The newest term, if this very seat has raised it; else 0."""
    row = connection.execute(
        "SELECT number FROM terms WHERE role = ? AND member = ? AND token = ?",
        (seat.role, seat.member, seat.token),
    ).fetchone()
    return int(row[0]) if row else 0


def check_tenure(connection: sqlite3.Connection, fence: Tenure) -> None:
    stored = serial(connection)
    if stored != fence.serial:
        raise Superseded(f"assignment {fence.serial} is over: it is {stored} now")


def check_term(connection: sqlite3.Connection, fence: Term) -> None:
    newest = newest_term(connection, fence.role)
    if newest != fence.number:
        raise Superseded(f"term {fence.number} of {fence.role} is over: it is {newest} now")


def check_seat(connection: sqlite3.Connection, seat: Seat) -> None:
    """An expired lease that nobody took still passes: time alone supersedes nobody."""
    row = connection.execute("SELECT holder, epoch FROM leases WHERE role = ?", (seat.role,)).fetchone()
    if row is None or (row[0], str(row[1])) != (seat.member, seat.token):
        raise Superseded(f"{seat.member} no longer holds the role of {seat.role}")
