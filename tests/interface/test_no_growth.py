"""A WebSocket that is over is gone at once: nothing of it waits for the garbage collector, which may be a while."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable

import pytest

from support.connections import TEXT, close_frame, frame, upgrade
from support.served_mesh import ServedMesh

TIMES = 5


def leave_early(mesh: ServedMesh) -> None:
    """Go before a worker has answered."""
    client = mesh.request(upgrade())
    _, connect = mesh.receive()
    client.leave()
    mesh.answer(connect, consumed=0)


def be_refused(mesh: ServedMesh) -> None:
    """Ask in vain."""
    client = mesh.request(upgrade())
    _, connect = mesh.receive()
    mesh.answer(connect, close=True)
    client.leave()


def leave(mesh: ServedMesh) -> None:
    """Say something, hear the answer, and go without a word."""
    client = mesh.request(upgrade())
    _, connect = mesh.receive()
    mesh.answer(connect, accept=True, consumed=0)
    client.send(frame(TEXT, b"one"))
    _, message = mesh.receive()
    mesh.answer(message, text="1", consumed=1)
    client.leave()


def close(mesh: ServedMesh) -> None:
    """Close as one should."""
    client = mesh.request(upgrade())
    _, connect = mesh.receive()
    mesh.answer(connect, accept=True, consumed=0)
    client.send(close_frame(1000))
    client.leave()


def close_and_leave(mesh: ServedMesh) -> None:
    """Close while a consumer still has a message, and go before it is done."""
    client = mesh.request(upgrade())
    _, connect = mesh.receive()
    mesh.answer(connect, accept=True, consumed=0)
    client.send(frame(TEXT, b"one"))
    _, message = mesh.receive()
    client.send(close_frame(1000))
    client.leave()
    mesh.answer(message, consumed=1)


def be_closed(mesh: ServedMesh) -> None:
    """Be told to go."""
    client = mesh.request(upgrade())
    _, connect = mesh.receive()
    mesh.answer(connect, accept=True, close=True, consumed=0)
    client.send(close_frame(1000))
    client.leave()


def ours() -> Counter[str]:
    """Count what is alive of our own classes."""
    names = (f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return Counter(name for name in names if name.startswith("zmqlayer."))


@pytest.mark.parametrize("use", [leave_early, be_refused, leave, close, close_and_leave, be_closed])
def test_sockets_wait_for_no_collector(use: Callable[[ServedMesh], None]) -> None:
    """However they end, no object of theirs is left when they have."""
    mesh = ServedMesh()

    def use_once() -> None:
        use(mesh)
        mesh.receive()  # the disconnect, where there is one
        mesh.clients.clear()

    use_once()
    gc.collect()
    gc.disable()
    try:
        before = ours()
        for _ in range(TIMES):
            use_once()
        left = ours() - before
    finally:
        gc.enable()
    mesh.close()

    assert not left
