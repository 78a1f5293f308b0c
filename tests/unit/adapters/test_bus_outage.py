"""What the log is told of a bus that is away."""

import logging

import pytest

from elastic.adapters.bus.outage import Outage


def test_an_outage_is_told_once_then_each_ten_seconds_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    now = 100.0
    outage = Outage(lambda: now)
    for _ in range(25):
        for name in ("rpc", "peers"):
            outage.lost(name, "refused")
        now += 1
    outage.back("rpc")
    outage.back("peers")
    outage.back("peers")
    assert [record.getMessage() for record in caplog.records] == [
        "no bus for 0 s, connecting again (rpc): refused",
        "no bus for 10 s, connecting again (peers, rpc): refused",
        "no bus for 20 s, connecting again (peers, rpc): refused",
        "the bus is back after 25.0 s",
    ]


def test_a_bus_that_comes_and_goes_is_not_told_each_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    now = 100.0
    outage = Outage(lambda: now)
    for _ in range(20):
        outage.lost("rpc", "reset")
        now += 0.5
        outage.back("rpc")
        now += 0.5
    assert len([r for r in caplog.records if "no bus" in r.getMessage()]) == 2
    assert len([r for r in caplog.records if "is back" in r.getMessage()]) == 2
