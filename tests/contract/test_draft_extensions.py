"""What the 2016 draft has beyond send, receive and groups, over real sockets: fairness, statistics, other receives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from zmqlayer.exceptions import InvalidName

WITHIN_S = 5.0
SOON_S = 0.05
KEYS = {
    "messages_count",
    "messages_count_per_second",
    "messages_pending",
    "messages_max_age",
    "channel_full_count",
    "channel_full_count_per_second",
}


def receive(layer: Any, *channels: str) -> tuple[str, dict[str, Any]]:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        channel, message = layer.receive(channels, block=True, timeout=WITHIN_S)
        if channel is not None:
            return channel, message
    raise AssertionError(f"nothing came on {channels}")


@pytest.mark.parametrize("busy", range(4))
def test_no_channel_in_a_list_starves_another(open_ends: Callable[..., Any], busy: int) -> None:
    """Named, process and single-reader channels together: whichever is never empty, the others are read as well."""
    ends = open_ends(capacity=200)  # more than is ever sent, so that it does not matter when reading is reported
    new = ends.receiver.new_channel
    channels = ["jobs", new("reply!"), new("other!"), new("body?")]
    for channel in channels:
        ends.sender.send(channel, {"n": 0})
    for n in range(1, 30):
        ends.sender.send(channels[busy], {"n": n})

    seen: set[str] = set()
    for _ in range(100):
        channel, _ = receive(ends.receiver, *channels)
        seen.add(channel)
        if channel == channels[busy]:
            ends.sender.send(channel, {"n": -1})

    assert seen == set(channels)


def test_receive_has_its_old_name(ends: Any) -> None:
    """Channels 1.x calls ``receive_many``."""
    ends.sender.send("jobs", {"n": 1})

    assert ends.receiver.receive_many(["jobs"], block=True) == ("jobs", {"n": 1})
    assert ends.receiver.receive_many(["jobs"]) == ends.receiver.receive_many([], True) == (None, None)


def test_coroutines_receive_many_channels(ends: Any) -> None:
    """``receive_async`` waits for all of them, and says which one it was."""
    channel = ends.receiver.new_channel("reply!")

    async def main() -> Any:
        waiting = asyncio.create_task(ends.receiver.receive_async(["jobs", channel]))
        await asyncio.sleep(0)
        ends.sender.send(channel, {"n": 1})
        return await asyncio.wait_for(waiting, WITHIN_S)

    assert asyncio.run(main()) == (channel, {"n": 1})


def test_a_sender_can_wait_until_it_is_read(ends: Any) -> None:
    """So a process that leaves need not take back what its receivers are slow to take."""
    channel = ends.receiver.new_channel("slow!")
    ends.sender.send(channel, {"n": 1})

    before = ends.sender.wait_until_read("slow.", timeout=SOON_S)
    others = ends.sender.wait_until_read("quick.", timeout=SOON_S)
    assert receive(ends.receiver, channel) == (channel, {"n": 1})

    assert (before, others) == (False, True)
    assert ends.sender.wait_until_read("slow.", timeout=WITHIN_S)


def test_no_key_is_special(ends: Any) -> None:
    """``__asgi_channel__`` belonged to one backend of the time; here it is carried like any other."""
    ends.sender.send("jobs", {"__asgi_channel__": "x", "type": "y"})

    assert receive(ends.receiver, "jobs") == ("jobs", {"__asgi_channel__": "x", "type": "y"})


def test_extensions_are_listed(ends: Any) -> None:
    """A list of str, all of which are there."""
    assert ends.sender.extensions == ["groups", "flush", "statistics", "async", "twisted"]
    for name in ("group_add", "flush", "global_statistics", "channel_statistics", "receive_async", "receive_twisted"):
        assert callable(getattr(ends.sender, name))


def test_statistics_are_on_by_default(ends: Any) -> None:
    """Every key of the draft, for a layer that has done nothing."""
    assert ends.sender.global_statistics() == ends.sender.channel_statistics("jobs") == dict.fromkeys(KEYS, 0)
    with pytest.raises(InvalidName):
        ends.sender.channel_statistics("a b")


def test_statistics_count_what_was_sent_and_refused(open_ends: Callable[..., Any]) -> None:
    """By channel and in all; what waits is pending, and has an age."""
    ends = open_ends(capacity=3)
    for _ in range(3):
        ends.sender.send("jobs", {"n": 1})
    with pytest.raises(ends.sender.ChannelFull):
        ends.sender.send("jobs", {"n": 1})
    ends.sender.send("other", {"n": 1})

    jobs, everything = ends.sender.channel_statistics("jobs"), ends.sender.global_statistics()

    assert (jobs["messages_count"], jobs["messages_pending"], jobs["channel_full_count"]) == (3, 3, 1)
    assert (everything["messages_count"], everything["messages_pending"]) == (4, 4)
    assert 0 < jobs["messages_max_age"] < WITHIN_S
    for _ in range(4):
        receive(ends.receiver, "jobs", "other")
    assert ends.sender.channel_statistics("jobs")["messages_count"] == 3


def test_process_channels_of_one_prefix_are_one_statistic(ends: Any) -> None:
    """So that short-lived channels cost nothing; what waits is pending where it waits."""
    channels = [ends.receiver.new_channel("reply!") for _ in range(10)]
    for channel in channels:
        ends.sender.send(channel, {"n": 1})
    while ends.receiver.global_statistics()["messages_pending"] < 10:
        time.sleep(0.001)

    statistics = ends.sender.channel_statistics(channels[0])

    assert statistics["messages_count"] == 10
    assert ends.receiver.channel_statistics(channels[5])["messages_pending"] == 10
