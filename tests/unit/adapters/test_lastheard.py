import pytest

from elastic.adapters.lastheard import MemoryLastHeard
from elastic.model.heartbeat import Heard


def heard(boot: str, seq: int, at: float = 0.0) -> Heard:
    return Heard(at=at, state="OK", boot=boot, seq=seq)


@pytest.mark.parametrize(
    ("boot", "seq", "is_news"),
    [("a", 6, True), ("a", 5, False), ("a", 4, False), ("b", 1, True), ("b", 9, True)],
)
def test_news_is_another_boot_or_a_higher_seq(boot: str, seq: int, is_news: bool) -> None:
    last = MemoryLastHeard()
    before, after = heard("a", 5, at=1.0), heard(boot, seq, at=2.0)
    assert last.note("i1", before)

    assert last.note("i1", after) is is_news
    assert last.of("i1") == (after if is_news else before)


def test_who_was_never_heard_is_not_there() -> None:
    assert MemoryLastHeard().of("i1") is None


def test_all_but_those_named_are_forgotten() -> None:
    last = MemoryLastHeard()
    for instance_id in ("i1", "i2", "i3"):
        last.note(instance_id, heard("a", 1))
    last.keep_only(iter(["i2", "i9"]))

    assert [last.of(i) is not None for i in ("i1", "i2", "i3", "i9")] == [False, True, False, False]
