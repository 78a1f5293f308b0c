"""What the agent inside a VM is told to look at and to do, beside who it is. A domain gives it with its vars."""

from typing import Annotated, Literal

import msgspec

from elastic.model.kinds import Section, about


class SystemdUnit(Section, frozen=True, kw_only=True, tag_field="kind", tag="systemd"):
    name: Annotated[str, about("the unit", title="the name of a unit, such as celery.service", pattern=r"\A[^-]")]


class SupervisordUnit(Section, frozen=True, kw_only=True, tag_field="kind", tag="supervisord"):
    url: Annotated[
        str,
        about(
            "where it listens",
            title="an address like unix:///run/supervisor.sock or http://host:9001/RPC2",
            pattern=r"\A(unix|http)://",
        ),
    ] = "unix:///var/run/supervisor.sock"
    name: Annotated[str | None, about("a program, or group:program", default="all of them")] = None


class Number(Section, frozen=True, kw_only=True):
    """One that goes along with heartbeats."""

    kind: Annotated[
        Literal["load", "memory", "file"],
        about("load: of a minute, for each processor; memory: the used part, 0 to 1; file: what one says"),
    ]
    name: Annotated[str, about("what it is called", default="as its kind")] = ""
    path: Annotated[str, about("of the file; $instance_id, $domain and $owner are filled in")] = ""

    def __post_init__(self) -> None:
        if self.kind == "file" and not (self.name and self.path):
            raise ValueError("path: a file has to have a name and a path")


class Commands(Section, frozen=True, kw_only=True):
    """Each is a list of words, and no shell reads it. Without `begin`, what it tells of its work will do."""

    begin: Annotated[tuple[str, ...], about("finishes the work, takes no more, and then ends with 0")] = ()
    back: Annotated[tuple[str, ...], about("has the machine serve again")] = ()


Unit = SystemdUnit | SupervisordUnit


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """`work` names a file with the tasks in hand: {"active": 1, "reserved": 0, "scheduled": 0}."""

    units: Annotated[tuple[Unit, ...], about("what to watch")] = ()
    metrics: Annotated[tuple[Number, ...], about("numbers to tell")] = ()
    work: Annotated[str, about("the file that says what there is to do")] = ""
    drain: Annotated[Commands, about("how to finish it")] = Commands()


OF_THE_AGENT = {"units": list, "metrics": list, "work": str, "drain": dict}
"""Vars of these names are the agent's if they are of these types; all others are the owner's own affair."""
