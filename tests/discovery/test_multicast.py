"""Which interfaces take part in multicast: real sockets that send nothing."""

from __future__ import annotations

import logging

import pytest

from zmqlayer.discovery.multicast import usable_speakers

NO_INTERFACE = "203.0.113.77"
NO_INDEX = 99_999


def test_one_interface_that_refuses_does_not_take_the_others_down(caplog: pytest.LogCaptureFixture) -> None:
    """What refuses multicast is left out with a warning, and the rest is used."""
    with caplog.at_level(logging.WARNING, "zmqlayer.discovery"):
        usable = usable_speakers([NO_INTERFACE, "127.0.0.1", NO_INDEX])

    assert usable == ["127.0.0.1"]
    assert [record.getMessage().rpartition(":")[0] for record in caplog.records] == [
        f"mDNS leaves out interface {speaker}, which refuses multicast" for speaker in (NO_INTERFACE, NO_INDEX)
    ]


def test_no_interface_at_all_is_an_error() -> None:
    """Where every interface refuses, mDNS cannot be used, and the reason is the first refusal."""
    with pytest.raises(OSError, match="No such device"):
        usable_speakers([NO_INTERFACE])
