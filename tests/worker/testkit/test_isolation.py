"""What a test leaves behind costs the next one nothing, not even time."""

from __future__ import annotations

import logging
import time

import pytest

from zmqlayer.worker import Channel, Group, get_channel_layer
from zmqlayer.worker.test import in_memory_layers


def test_unread_messages_are_dropped_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for readers that will not come, and the log is quiet: a test may leave what it does not look at."""
    with caplog.at_level(logging.WARNING), in_memory_layers():
        linger_s = get_channel_layer().node.config.timing.linger_s
        Channel("left").send({"n": 1})
        Group("room").add("left")
        before = time.monotonic()

    assert time.monotonic() - before < linger_s / 2
    assert caplog.records == []
