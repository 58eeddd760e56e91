"""Small programs that use the layer and end: what they sent arrives, however they end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zmqlayer import SyncChannelLayer

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
WITHIN_S = 10.0
COUNT = 200

SEND = """
import sys
from zmqlayer import SyncChannelLayer
layer = SyncChannelLayer(discovery="off", seeds=[sys.argv[1]], capacity=1000)
for n in range({count}):
    {call}
"""

FORGET_IN_ASYNCIO = """
import asyncio, sys
from zmqlayer import ChannelLayer
layer = ChannelLayer(discovery="off", seeds=[sys.argv[1]], capacity=1000)

async def main():
    for n in range({count}):
        await layer.send(sys.argv[2], {{"n": n}})

asyncio.run(main())
"""


@pytest.fixture
def reader() -> Iterator[SyncChannelLayer]:
    """A layer that waits for what scripts send."""
    layer = SyncChannelLayer(discovery="off", capacity=1000)
    layer.start()
    yield layer
    layer.close()


class Script:
    """A program that runs while its messages are read."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )

    def wait(self) -> str:
        """Return what it complained about; it must end well, and in time."""
        try:
            _, complaints = self._process.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, complaints = self._process.communicate()
        assert self._process.returncode == 0, complaints
        return complaints


def receive_all(layer: SyncChannelLayer, channel: str) -> list[int]:
    """Return the numbers that come, until enough came or nothing does for a while."""
    got: list[int] = []
    while len(got) < COUNT:
        _, message = layer.receive([channel], block=True, timeout=WITHIN_S)
        if message is None:
            break
        got.append(message["n"])
    return got


@pytest.mark.parametrize(
    ("call", "channel"),
    [
        ('layer.send(sys.argv[2], {"n": n})', "process"),
        ('layer.send_group("room", {"n": n})', "process"),
        ('layer.send("jobs", {"n": n})', "jobs"),
    ],
    ids=["process channel", "group", "named channel"],
)
def test_a_script_that_sends_and_exits_delivers_what_it_sent(reader: SyncChannelLayer, call: str, channel: str) -> None:
    """Without close, and without waiting for anything, everything arrives in order."""
    name = reader.new_channel("reply!") if channel == "process" else channel
    if channel == "process":
        reader.group_add("room", name)

    script = Script(SEND.format(count=COUNT, call=call), reader.address, name)

    got = receive_all(reader, name)

    assert (script.wait(), got) == ("", list(range(COUNT)))


def test_an_asyncio_script_that_forgets_to_close_delivers_too(reader: SyncChannelLayer) -> None:
    """The loop is gone before the layer is closed, and nothing is lost or warned of."""
    channel = reader.new_channel("reply!")

    script = Script(FORGET_IN_ASYNCIO.format(count=COUNT), reader.address, channel)

    got = receive_all(reader, channel)

    assert (script.wait(), got) == ("", list(range(COUNT)))


def test_a_script_that_sends_into_the_void_ends_in_time(reader: SyncChannelLayer) -> None:
    """Nobody reads the channel: the script waits two seconds for a reader, says what is lost, and ends."""
    script = Script(SEND.format(count=3, call='layer.send("nobody", {"n": n})'), reader.address)

    assert script.wait().startswith("3 messages")
