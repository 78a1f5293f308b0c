"""What a new server is told: the user data, in cloud-init's formats. Pure.

Variables go into a cloud-config, each in the place of a whole value: a text that says `${name}` and nothing
else, or `${name:json}` where a text is wanted and the value is none. So none of them can end a quotation or
open a command. A script takes no variables: it finds them as JSON in VARS_FILE. What the agent inside needs
lies in NODE_FILE, which root alone may read."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from elastic.errors import BadRequest
from elastic.model.domain import Json

MOST_BYTES = 65535 // 4 * 3
"""Nova takes 65,535 characters of base64."""

NODE_FILE, VARS_FILE = "/etc/elastic/node.json", "/etc/elastic/vars.json"
OWN = ("elastic_instance_id", "elastic_domain", "elastic_owner", "elastic_site")
"""Variables that are always there."""

COMMANDS = ("runcmd", "bootcmd")
"""A text in there goes to a shell, a list does not."""

HEADER = "#cloud-config\n"
_PLACE = re.compile(r"\$\{([A-Za-z_]\w*)(:json)?\}")
_BOUNDARY = "=====elastic====="
_FORMATS = (
    ("#!", "x-shellscript"),
    ("#cloud-config", "cloud-config"),
    ("#cloud-boothook", "cloud-boothook"),
    ("#include", "x-include-url"),
    ("## template: jinja", "jinja2"),
)

Template = str | Mapping[str, Json]
"""A text that cloud-init reads, taken as it is; or a cloud-config."""


def check(template: Template, declared: Collection[str]) -> None:
    """Raise BadRequest unless every variable that it names is declared, and stands where it may."""
    if isinstance(template, str):
        _format_of(template)
        return
    if not isinstance(template.get("write_files") or [], list | tuple):
        raise BadRequest("write_files has to be a list of files")
    for section in COMMANDS:
        commands = template.get(section) or []
        if not isinstance(commands, list | tuple):
            raise BadRequest(f"{section} has to be a list of commands")
        if any(isinstance(entry, str) and "${" in entry for entry in commands):
            raise BadRequest(f"{section}: write a command that takes a variable as a list: no shell may read it")
    for text in _texts(template):
        place = _PLACE.fullmatch(text)
        if place is None and "${" in text:
            raise BadRequest(f"{text[:60]!r}: a variable has to be the whole text, as in '${{name}}'")
        if place is not None and place[1] not in declared and place[1] not in OWN:
            raise BadRequest(f"{text[:60]!r} names a variable that is not declared under variables")


def render(template: Template, variables: Mapping[str, Json], node: Mapping[str, Json]) -> str:
    """User data that leaves `node` and `variables` behind as files, and does what `template` says besides.

    BadRequest if it is longer than Nova takes.
    """
    files = [_file(NODE_FILE, node), _file(VARS_FILE, variables)]
    if isinstance(template, str):
        ours = _cloud_config({"write_files": files})
        text = _two_parts(ours, template) if template else ours
    else:
        filled = _filled(template, variables)
        theirs = filled.get("write_files") or []
        text = _cloud_config({**filled, "write_files": [*files, *theirs]})
    size = len(text.encode())
    if size > MOST_BYTES:
        raise BadRequest(f"the user data would have {size} bytes, and a cloud takes at most {MOST_BYTES}")
    return text


def _filled(value: Json, variables: Mapping[str, Json]) -> Json:
    if isinstance(value, Mapping):
        return {key: _filled(entry, variables) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(entry, variables) for entry in value]
    place = _PLACE.fullmatch(value) if isinstance(value, str) else None
    if place is None:
        return value
    return json.dumps(variables[place[1]]) if place[2] else variables[place[1]]


def _file(path: str, content: Mapping[str, Json]) -> Json:
    return {"path": path, "permissions": "0600", "owner": "root:root", "content": json.dumps(content)}


def _cloud_config(document: Mapping[str, Json]) -> str:
    """JSON is YAML."""
    return HEADER + json.dumps(document) + "\n"


def _two_parts(first: str, second: str) -> str:
    both = MIMEMultipart(boundary=_BOUNDARY)
    both.attach(MIMEText(first, "cloud-config"))
    both.attach(MIMEText(second, _format_of(second)))
    return both.as_string()


def _format_of(text: str) -> str:
    for beginning, name in _FORMATS:
        if text.startswith(beginning) or not text:
            return name
    known = ", ".join(repr(beginning) for beginning, _ in _FORMATS)
    raise BadRequest(f"a text has to begin with one of {known}; write a cloud-config with variables as a mapping")


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield key
            yield from _texts(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts(entry)
    elif isinstance(value, str):
        yield value
