"""Records of instances: there are ten thousands of them in a member."""

import msgspec
import pytest
from msgspec.structs import replace

from elastic.model.instance import WORDS, Instance


def decoded(name: str) -> Instance:
    """As it comes from the store: with strings of its own."""
    said = {field: f"the {field} of all" for field in WORDS} | {"instance_id": name}
    return msgspec.json.decode(msgspec.json.encode(said), type=Instance)


@pytest.mark.parametrize("field", WORDS)
def test_a_word_that_many_records_say_is_in_memory_once(field: str) -> None:
    one, other = decoded("i1"), decoded("i2")
    assert getattr(one, field) is getattr(other, field)
    changed = replace(one, **{field: " ".join(["another", "word"])})
    assert getattr(changed, field) is getattr(replace(other, **{field: " ".join(["another", "word"])}), field)


def test_what_is_not_given_stays_so() -> None:
    bare = Instance(instance_id="i1", site="north", deployable_type="worker")
    assert bare.allocation is None
    assert bare.reason == ""
