"""What may stand in a deployable type, and what it comes down to at a site."""

import pytest

from elastic.errors import BadRequest
from elastic.model.recipe import Recipe, Volume
from elastic.rules.recipes import checked_type, recipe, refuse_weight, variables
from elastic.rules.userdata import MOST_BYTES

BARE = {"flavor": "tiny", "image": "debian"}


def written(**site: object) -> dict:
    return {"sites": {"north": {**BARE, **site}}}


def test_a_sites_own_keys_go_before_the_common_ones():
    kind = checked_type({"common": {**BARE, "key": "ann"}, "sites": {"north": {"flavor": "big"}, "south": {}}})
    assert recipe(kind, "north") == Recipe(flavor="big", image="debian", key="ann")
    assert recipe(kind, "south") == Recipe(flavor="tiny", image="debian", key="ann")


def test_it_is_read_whole():
    kind = checked_type(written(networks=["a", "b"], volumes=[{"size": 5, "type": "ssd"}], group="soft-affinity"))
    found = recipe(kind, "north")
    assert (found.networks, found.volumes, found.group) == (
        ("a", "b"),
        (Volume(size=5, type="ssd"),),
        "soft-affinity",
    )


@pytest.mark.parametrize(("allocation", "flavor"), [(None, "tiny"), ("large", "m1.large"), ("unheard of", "tiny")])
def test_an_allocation_is_a_flavor_by_a_name_of_the_type_s(allocation, flavor):
    kind = checked_type(written(allocations={"large": "m1.large"}))
    assert recipe(kind, "north").flavor_for(allocation) == flavor


def test_a_site_that_it_does_not_name_is_refused():
    with pytest.raises(BadRequest, match="sites: has nothing for site 'south', only for north"):
        recipe(checked_type(written()), "south")


REFUSED = {
    "no sites": ({"sites": {}}, "sites: has to name at least one site"),
    "sites left out": ({}, "missing required field `sites`"),
    "an unknown key": ({**written(), "site": {}}, "unknown field `site`"),
    "a name that is none": ({"sites": {"a/b": BARE}}, "site 'a/b' is not allowed"),
    "no flavor": ({"sites": {"north": {"image": "x"}}}, "sites.north: .*missing required field `flavor`"),
    "an unknown key of a site": (written(netwroks=["a"]), "sites.north: .*unknown field `netwroks`"),
    "a flavor that is a number": (written(flavor=3), "sites.north.flavor: expected `str`, got `int`"),
    "an image without a name": (written(image=""), "sites.north.image: "),
    "an image by no property": (written(image={}), "sites.north.image: has to name an image"),
    "a group of an unknown kind": (written(group="together"), "sites.north.group: .*'together'"),
    "two groups": (written(group="affinity", server_group="g"), "sites.north: give either group or server_group"),
    "a volume of no size": (written(volumes=[{"size": 0}]), r"sites.north.volumes\[0\].size: "),
    "an address without a port": (written(floating_ip="public"), "sites.north.floating_ip: needs one of networks"),
    "metadata like our mark": (
        written(metadata={"elastic:cluster": "x"}),
        "sites.north.metadata: keys that begin",
    ),
    "too much metadata": (written(metadata={"a": "x" * 256}), "sites.north.metadata"),
    "contextualization unheard of": (written(contextualization="chef"), "sites.north.contextualization: .*'chef'"),
    "user data of no kind": (written(user_data="hello"), "sites.north.user_data: a text has to begin with"),
    "a variable's name": ({**written(), "variables": {"a-b": {}}}, "variables: 'a-b' is no name"),
    "a variable of ours": (
        {**written(), "variables": {"elastic_site": {}}},
        "variables: 'elastic_site' is set by",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_said_with_its_key(case):
    body, told = REFUSED[case]
    with pytest.raises(BadRequest, match=told):
        checked_type(body)


def test_variables_are_what_the_domain_gives_or_their_defaults():
    kind = checked_type({**written(), "variables": {"a": {"default": 1}, "b": {}, "c": {"default": None}}})
    assert variables(kind, {"b": "given", "other": "left out"}) == {"a": 1, "b": "given", "c": None}


def test_a_variable_without_a_default_has_to_be_given():
    kind = checked_type({**written(), "variables": {"b": {}}})
    with pytest.raises(BadRequest, match=r"its variable 'b' is not set: give it in engine_conf\.provisioner_vars"):
        variables(kind, {})


def heavy(size: int, **more: object) -> dict:
    return {**written(user_data={"runcmd": [["echo", "${x}", "#" * size]]}), "variables": {"x": {}}, **more}


def test_user_data_that_no_launch_could_send_is_said_beforehand_with_its_site():
    with pytest.raises(BadRequest, match=rf"sites\.north\.user_data: .* at most {MOST_BYTES}"):
        refuse_weight(checked_type(heavy(MOST_BYTES)))


def test_what_elastic_adds_and_what_variables_are_by_default_counts():
    almost = MOST_BYTES - 1500
    refuse_weight(checked_type(heavy(almost)))
    for kind in (heavy(MOST_BYTES - 500), heavy(almost, variables={"x": {"default": "y" * 2000}})):
        with pytest.raises(BadRequest, match="at most"):
            refuse_weight(checked_type(kind))


@pytest.mark.parametrize("text", ["", "#!/bin/sh\n", {"hostname": "${elastic_instance_id}"}])
def test_what_is_light_is_not_refused(text):
    refuse_weight(checked_type(written(user_data=text)))
