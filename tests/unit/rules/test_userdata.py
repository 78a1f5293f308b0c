"""User data: what a server is told, and that no variable can say more than a value."""

import email
import json

import pytest
import yaml

from elastic.errors import BadRequest
from elastic.rules.userdata import MOST_BYTES, NODE_FILE, VARS_FILE, check, render

NODE = {"key": "00ff", "instance_id": "i-001-1-1"}
NASTY = ["$(reboot)", '"; rm -rf / #', "a\nruncmd: [evil]", "{{ jinja }}", "${other}", "ünï ☃", ""]


def document(text: str) -> dict:
    assert text.startswith("#cloud-config\n")
    return yaml.safe_load(text)


def files(text: str) -> dict[str, object]:
    return {file["path"]: json.loads(file["content"]) for file in document(text)["write_files"]}


def test_without_a_template_it_leaves_the_agents_settings_and_the_variables():
    assert files(render("", {"a": [1, None]}, NODE)) == {NODE_FILE: NODE, VARS_FILE: {"a": [1, None]}}


def test_root_alone_may_read_them():
    written = document(render("", {}, NODE))["write_files"]
    assert {(file["permissions"], file["owner"]) for file in written} == {("0600", "root:root")}


@pytest.mark.parametrize("value", [*NASTY, 7, True, None, ["a", {"b": 1}]])
def test_a_variable_is_a_value_and_nothing_else(value):
    template = {"runcmd": [["echo", "${x}"]], "hostname": "fixed"}
    found = document(render(template, {"x": value}, NODE))
    assert (found["runcmd"], found["hostname"]) == ([["echo", value]], "fixed")


@pytest.mark.parametrize("value", [*NASTY, {"a": [1]}])
def test_it_can_stand_as_json_where_a_text_is_wanted(value):
    template = {"write_files": [{"path": "/etc/app.json", "content": "${x:json}"}]}
    *_, file = document(render(template, {"x": value}, NODE))["write_files"]
    assert json.loads(file["content"]) == value


def test_the_templates_own_files_come_after_ours():
    template = {"write_files": [{"path": "/a", "content": "b"}]}
    paths = [file["path"] for file in document(render(template, {}, NODE))["write_files"]]
    assert paths == [NODE_FILE, VARS_FILE, "/a"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("#!/bin/sh\necho ${HOME}\n", "text/x-shellscript"), ("#cloud-config\n{}\n", "text/cloud-config")],
)
def test_a_text_is_taken_as_it_is_beside_our_part(text, kind):
    both = email.message_from_string(render(text, {}, NODE))
    ours, theirs = both.get_payload()
    assert files(ours.get_payload())[NODE_FILE] == NODE
    assert (theirs.get_content_type(), theirs.get_payload().rstrip()) == (kind, text.rstrip())


def test_a_text_beyond_ascii_arrives_whole():
    both = email.message_from_string(render("#!/bin/sh\necho ☃\n", {}, NODE))
    assert both.get_payload()[1].get_payload(decode=True).decode() == "#!/bin/sh\necho ☃\n"


REFUSED = {
    "half a text": ({"hostname": "web-${x}"}, "has to be the whole text"),
    "in a key": ({"${x} ": 1}, "has to be the whole text"),
    "one that was never declared": ({"hostname": "${y}"}, "not declared"),
    "a shell's own form": ({"hostname": "${x:-1}"}, "has to be the whole text"),
    "as a command of a shell": ({"runcmd": ["${x}"]}, "as a list"),
    "as a command at boot": ({"bootcmd": [["ls"], "${x}"]}, "as a list"),
    "files that are no list": ({"write_files": "${x}"}, "write_files has to be a list"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_where_a_variable_may_not_stand_it_is_refused(case):
    template, told = REFUSED[case]
    with pytest.raises(BadRequest, match=told):
        check(template, {"x": None})


def test_the_variables_that_are_always_there_need_no_declaration():
    check({"hostname": "${elastic_instance_id}"}, {})


def test_more_than_a_cloud_takes_is_refused():
    with pytest.raises(BadRequest, match=f"at most {MOST_BYTES}"):
        render("#!/bin/sh\n" + "#" * MOST_BYTES, {}, NODE)
