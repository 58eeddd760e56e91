"""Ten thousand receivers that are cancelled under traffic, over real sockets: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from zmqlayer.exceptions import ChannelFull

CANCELLATIONS = 10_000
WITHIN_S = 40.0


class Traffic:
    """Numbered messages that a thread sends to one channel, as fast as there is room, until it is told to stop."""

    def __init__(self, layer: Any, channel: str) -> None:
        self.sent = 0
        self._layer = layer
        self._channel = channel
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; returns when the last message is sent."""
        self._is_over.set()
        self._thread.join(WITHIN_S)

    def _send(self) -> None:
        while not self._is_over.is_set():
            with suppress(ChannelFull):
                self._layer.send(self._channel, {"n": self.sent})
                self.sent += 1
                continue
            self._is_over.wait(0.001)


@pytest.fixture
def start_traffic() -> Iterator[Any]:
    """Return a function that starts traffic; it is stopped in the end."""
    started: list[Traffic] = []

    def start_traffic(layer: Any, channel: str) -> Traffic:
        started.append(traffic := Traffic(layer, channel))
        traffic.start()
        return traffic

    yield start_traffic
    for traffic in started:
        traffic.stop()


async def cancel_many(layer: Any, channel: str, chance: random.Random) -> list[int]:
    """Receive, cancelling at random moments, until enough receivers were cancelled while they waited."""
    got: list[int] = []
    cancelled = 0
    while cancelled < CANCELLATIONS:
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
    return got


@pytest.mark.parametrize("is_named", [False, True], ids=["process channel", "named channel"])
def test_ten_thousand_cancellations_lose_nothing(async_ends: Any, start_traffic: Any, is_named: bool) -> None:
    """What one receiver did not take with it is there for the next."""

    async def main() -> tuple[list[int], int]:
        channel = "jobs" if is_named else await async_ends.receiver.new_channel()
        traffic = start_traffic(async_ends.sender.sync, channel)
        got = await cancel_many(async_ends.receiver, channel, random.Random(7))
        await asyncio.to_thread(traffic.stop)
        while len(got) < traffic.sent:
            got.append((await async_ends.receiver.receive(channel))["n"])
        return got, traffic.sent

    got, sent = asyncio.run(asyncio.wait_for(main(), WITHIN_S))

    assert sorted(got) == list(range(sent))  # receivers that wait together finish in any order
    assert sent > 100


def test_timeouts_under_traffic_lose_nothing(async_ends: Any, start_traffic: Any) -> None:
    """``wait_for`` around every receive, with times from nothing to plenty."""
    chance = random.Random(11)

    async def main() -> tuple[list[int], int]:
        channel = await async_ends.receiver.new_channel()
        traffic = start_traffic(async_ends.sender.sync, channel)
        got: list[int] = []
        for _ in range(2_000):
            with suppress(TimeoutError):
                timeout_s = chance.choice((0.0, 0.00001, 0.0001))
                got.append((await asyncio.wait_for(async_ends.receiver.receive(channel), timeout_s))["n"])
        await asyncio.to_thread(traffic.stop)
        while len(got) < traffic.sent:
            got.append((await async_ends.receiver.receive(channel))["n"])
        return got, traffic.sent

    got, sent = asyncio.run(asyncio.wait_for(main(), WITHIN_S))

    assert got == list(range(sent))
