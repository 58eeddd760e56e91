"""A layer without sockets: it opens none, is quick to start, and is one process's own."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
import zmq

from zmqlayer import ChannelFull, ConfigError, InMemoryChannelLayer


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every attempt to open a socket fail."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(zmq.Context, "socket", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_it_opens_no_socket(no_sockets: None) -> None:
    """Messages and groups work all the same, and at once: there is nobody to wait for."""
    layer = InMemoryChannelLayer(bind="0.0.0.0:5000", seeds=["tcp://192.0.2.1:5000"], secret="of nobody's concern")

    async def main() -> Any:
        channel = await layer.new_channel()
        before = time.monotonic()
        await layer.group_add("room", channel)
        await layer.group_send("room", {"n": 1})
        assert time.monotonic() - before < layer.node.config.timing.join_timeout_s
        return await asyncio.wait_for(layer.receive(channel), 5)

    assert asyncio.run(main()) == {"n": 1}
    layer.sync.close()


def test_it_has_the_limits_of_the_mesh() -> None:
    """What is too much for the mesh is too much here."""
    layer = InMemoryChannelLayer(capacity=1).sync

    layer.send("jobs", {})
    with pytest.raises(ChannelFull):
        layer.send("jobs", {})
    with pytest.raises(ConfigError):
        InMemoryChannelLayer(capacity=0)

    layer.flush()
    layer.close()


def test_two_of_them_are_strangers() -> None:
    """Each is alone, whatever its cluster is called."""
    one, other = InMemoryChannelLayer(cluster="same").sync, InMemoryChannelLayer(cluster="same").sync

    one.send("jobs", {})

    assert other.receive(["jobs"]) == (None, None)
    assert one.peers() == other.peers() == []
    one.flush()
    one.close()
    other.close()
