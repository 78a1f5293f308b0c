"""Vars for the agent inside a VM: what it would not start with is refused before a VM is made with it."""

import pytest

from elastic.errors import BadRequest
from elastic.model.inside import Inside
from elastic.node.settings import Settings
from elastic.rules.inside import check_inside, of_the_agent

GOOD = {
    "units": [{"kind": "systemd", "name": "celery.service"}, {"kind": "supervisord", "name": "web:all"}],
    "metrics": [{"kind": "load"}, {"kind": "file", "name": "queue", "path": "/run/queue"}],
    "work": "/run/work",
    "drain": {"begin": ["systemctl", "stop", "celery"], "back": ["systemctl", "start", "celery"]},
}


def test_what_makes_sense_is_handed_over_as_it_is():
    check_inside(GOOD)
    check_inside({})
    assert of_the_agent({**GOOD, "colour": "green"}) == GOOD


def test_a_null_stands_for_the_default():
    said = {"units": [{"kind": "supervisord", "name": None}], "drain": {"begin": None, "back": ["x"]}}
    check_inside(said)
    assert of_the_agent(said) == {"units": [{"kind": "supervisord"}], "drain": {"back": ["x"]}}


def test_what_is_of_another_type_is_somebody_elses():
    others = {"units": "metric", "metrics": {"of": "what"}, "work": 5, "drain": True}
    check_inside(others)
    assert of_the_agent(others) == {}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"units": [{}]}, r"^provisioner_vars\.units\[0\]\.kind is missing"),
        (
            {"units": [{"kind": "runit"}]},
            r"units\[0\]\.kind: there is none called 'runit', only systemd, supervisord",
        ),
        ({"units": [{"kind": "systemd"}]}, r"units\[0\]\.name is missing"),
        ({"units": [{"kind": "systemd", "name": "--version"}]}, r"units\[0\]\.name has to be the name of a unit"),
        (
            {"units": [{"kind": "supervisord", "url": "ftp://host"}]},
            r"units\[0\]\.url has to be an address",
        ),
        ({"units": [{"kind": "supervisord", "name": 7}]}, r"units\[0\]\.name has to be a text"),
        ({"metrics": [{}]}, r"metrics\[0\]\.kind is missing"),
        ({"metrics": [{"kind": "shell"}]}, r"metrics\[0\]\.kind has to be file, load or memory"),
        ({"metrics": [{"kind": "load", "of": "x"}]}, r"'of' is no key of provisioner_vars\.metrics\[0\]"),
        ({"metrics": [{"kind": "file", "name": "queue"}]}, r"metrics\[0\]\.path: a file has to have"),
        ({"drain": {"begin": "reboot"}}, r"drain\.begin has to be a list of texts"),
        ({"drain": {"begin": [7]}}, r"drain\.begin has to be a list of texts"),
        ({"drain": {"stop": []}}, r"'stop' is no key of provisioner_vars\.drain; its keys are begin, back"),
    ],
)
def test_what_makes_none_is_named(given, fault):
    with pytest.raises(BadRequest, match=fault):
        check_inside(given)


def test_the_agent_itself_reads_them_by_the_same_record():
    assert issubclass(Settings, Inside)
