"""Ten thousand receivers that are cancelled under traffic, over real sockets: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from zmqlayer import driving
from zmqlayer.exceptions import ChannelFull

CANCELLATIONS = 10_000
MESSAGES = 100
"""More than so many are read among them. How many is up to the interpreter, and to how often it is had in between."""
WITHIN_S = 40.0
UNDER_WAY = 50
"""Fewer than a channel holds: a member of a group that is full misses what comes."""


class Traffic:
    """
    Numbered messages that a thread sends as fast as they are read, until it is told to stop.

    Args:
        send: Of a layer, with its channel or group.
    """

    def __init__(self, send: Callable[[dict[str, int]], None]) -> None:
        self.sent = 0
        self._send_one = send
        self._room = threading.Semaphore(UNDER_WAY)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; returns when the last message is sent."""
        self._is_over.set()
        self._thread.join(WITHIN_S)

    def read(self) -> None:
        """One message was read."""
        self._room.release()

    def _send(self) -> None:
        while not self._is_over.is_set():
            if not self._room.acquire(timeout=0.001):
                continue
            try:
                self._send_one({"n": self.sent})
            except ChannelFull:
                self._room.release()
                self._is_over.wait(0.001)
            else:
                self.sent += 1


@pytest.fixture
def start_traffic() -> Iterator[Any]:
    """Return a function that starts traffic; it is stopped in the end."""
    started: list[Traffic] = []

    def start_traffic(send: Callable[[dict[str, int]], None]) -> Traffic:
        started.append(traffic := Traffic(send))
        traffic.start()
        return traffic

    yield start_traffic
    for traffic in started:
        traffic.stop()


@pytest.fixture(params=[0.0, math.inf], ids=["driven by the loop", "by its thread"])
def _settles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiving node is driven by the loop from its first wait on, or never."""
    monkeypatch.setattr(driving, "SETTLED_AFTER_S", request.param)


async def cancel_many(layer: Any, channel: str, traffic: Traffic, chance: random.Random) -> list[int]:
    """Receive, cancelling at random moments, until enough was read and enough receivers were cancelled that waited."""
    got: list[int] = []
    cancelled = 0
    while cancelled < CANCELLATIONS or len(got) <= MESSAGES:
        readers = [asyncio.create_task(layer.receive(channel)) for _ in range(chance.randrange(1, 4))]
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        for reader in readers:
            reader.cancel()
        for outcome in await asyncio.gather(*readers, return_exceptions=True):
            if isinstance(outcome, asyncio.CancelledError):
                cancelled += 1
            else:
                got.append(outcome["n"])
                traffic.read()
    return got


@pytest.mark.usefixtures("_settles")
@pytest.mark.parametrize("kind", ["process channel", "named channel", "group"])
def test_ten_thousand_cancellations_lose_nothing(async_ends: Any, start_traffic: Any, kind: str) -> None:
    """What one receiver did not take with it is there for the next."""
    sender = async_ends.sender.sync

    async def main() -> tuple[list[int], int]:
        channel = "jobs" if kind == "named channel" else await async_ends.receiver.new_channel()
        if kind == "group":
            await async_ends.receiver.group_add("g", channel)
        traffic = start_traffic(partial(sender.send_group, "g") if kind == "group" else partial(sender.send, channel))
        got = await cancel_many(async_ends.receiver, channel, traffic, random.Random(7))
        await asyncio.to_thread(traffic.stop)
        while len(got) < traffic.sent:
            got.append((await async_ends.receiver.receive(channel))["n"])
        return got, traffic.sent

    got, sent = asyncio.run(asyncio.wait_for(main(), WITHIN_S))

    assert sorted(got) == list(range(sent))  # receivers that wait together finish in any order


@pytest.mark.usefixtures("_settles")
@pytest.mark.parametrize("is_group", [False, True], ids=["process channel", "group"])
def test_timeouts_under_traffic_lose_nothing(async_ends: Any, start_traffic: Any, is_group: bool) -> None:
    """``wait_for`` around every receive, with times from nothing to plenty."""
    chance = random.Random(11)
    sender = async_ends.sender.sync

    async def main() -> tuple[list[int], int]:
        channel = await async_ends.receiver.new_channel()
        await async_ends.receiver.group_add("g", channel)
        traffic = start_traffic(partial(sender.send_group, "g") if is_group else partial(sender.send, channel))
        got: list[int] = []
        for _ in range(2_000):
            with suppress(TimeoutError):
                timeout_s = chance.choice((0.0, 0.00001, 0.0001))
                got.append((await asyncio.wait_for(async_ends.receiver.receive(channel), timeout_s))["n"])
                traffic.read()
        await asyncio.to_thread(traffic.stop)
        while len(got) < traffic.sent:
            got.append((await async_ends.receiver.receive(channel))["n"])
        return got, traffic.sent

    got, sent = asyncio.run(asyncio.wait_for(main(), WITHIN_S))

    assert got == list(range(sent))
