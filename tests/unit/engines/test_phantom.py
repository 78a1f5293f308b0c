"""What simplest does, under the name that phantom's clients give the number."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from elastic.engines.phantom import Phantom
from elastic.engines.simplest import Simplest
from elastic.errors import BadRequest
from elastic.model.actions import Answer, Candidate, Launch, Place
from tests.unit.asking import asked, failures, one, stages
from tests.unit.engines.drawn import groups, memos, shares, sizes, times


def decided(n: int, *instances: Candidate, conf: dict[str, Any] | None = None, **rest: Any) -> Answer:
    full = {"domain_desired_size": n, **(conf or {})}
    return Phantom.configured(full).decide(asked(full, instances, **rest))


def test_it_launches_what_is_missing_as_it_is_configured():
    conf = {"force_site": "west", "epuworker_type": "w", "epuworker_allocation": "big"}
    assert decided(2, one("a"), conf=conf).launches == (Launch("west", "w", "big"),)
    assert decided(1).launches == (Launch("ec2-east", "epu_work_consumer", "small"),)


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({}, "domain_desired_size"),
        ({"domain_desired_size": None}, "domain_desired_size"),
        ({"domain_desired_size": -1}, "domain_desired_size"),
        ({"domain_desired_size": "2"}, "domain_desired_size"),
        ({"domain_desired_size": 2, "preserve_n": 2}, "preserve_n"),
        ({"domain_desired_size": 2, "force_site": ""}, "force_site"),
        ({"domain_desired_size": 2, "reclaim": 1}, "reclaim"),
    ],
)
def test_what_is_wrong_with_a_config_is_named(conf, named):
    with pytest.raises(BadRequest, match=named):
        Phantom.configured(conf)


def test_its_backoff_is_that_of_all_engines():
    answer = decided(1, *failures(4, at=100, site="ec2-east"), now=119)
    assert (answer.launches, answer.status) == ((), "PENDING")
    assert "backoff" in stages(answer)
    assert len(decided(1, *failures(4, at=100, site="ec2-east"), now=120).launches) == 1


def test_a_change_is_told_under_its_own_key():
    assert any("domain_desired_size is 3" in reason.text for reason in decided(3).reasons)


def test_it_says_what_it_may_launch():
    keys = ("engine_conf.force_site", "engine_conf.epuworker_type", "engine_conf.epuworker_allocation")
    engine = Phantom.configured({"domain_desired_size": 1, "force_site": "west"})
    assert engine.places == (Place("west", "epu_work_consumer", *keys),)
    assert Phantom.configured({"domain_desired_size": 0}).places == ()


@given(sizes, groups("ec2-east"), memos, shares, times)
def test_it_does_what_simplest_does(n, group, said, share, now):
    conf = {"preserve_n": n}
    simplest = Simplest.configured(conf).decide(asked(conf, group, memo=said, share=share, now=now))
    answer = decided(n, *group, memo=said, share=share, now=now)
    assert msgspec.structs.replace(answer, reasons=()) == msgspec.structs.replace(simplest, reasons=())
