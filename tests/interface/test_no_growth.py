"""What is over is gone at once: nothing of a request or a WebSocket waits for the garbage collector."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable

import pytest

from support.connections import TEXT, close_frame, frame, get, post, upgrade
from support.served_mesh import ServedMesh

TIMES = 5


def ask(mesh: ServedMesh) -> None:
    """Ask, and hear the answer."""
    client = mesh.request(get())
    _, request = mesh.receive()
    mesh.answer(request, status=200, content=b"hello")
    client.leave()


def ask_again(mesh: ServedMesh) -> None:
    """Ask twice on one connection; the second answer comes in pieces."""
    client = mesh.request(get())
    _, request = mesh.receive()
    mesh.answer(request, status=200, content=b"hello")
    client.send(get())
    _, request = mesh.receive()
    mesh.answer(request, status=200, content=b"he", more_content=True)
    mesh.answer(request, content=b"llo")
    client.leave()


def say_much(mesh: ServedMesh) -> None:
    """Send a body that comes in pieces of its own, and go before there is an answer."""
    client = mesh.request(post(bytes(200_000)))
    mesh.receive()
    client.leave()


def ask_and_leave(mesh: ServedMesh) -> None:
    """Go before a worker has answered."""
    client = mesh.request(get())
    mesh.receive()
    client.leave()


def ask_wrongly(mesh: ServedMesh) -> None:
    """Send what is no request."""
    mesh.request(b"nonsense\r\n\r\n").leave()


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


@pytest.mark.parametrize(
    "use",
    [
        *(ask, ask_again, say_much, ask_and_leave, ask_wrongly),
        *(leave_early, be_refused, leave, close, close_and_leave, be_closed),
    ],
)
def test_nothing_waits_for_the_collector(use: Callable[[ServedMesh], None]) -> None:
    """However requests and sockets end, no object of theirs is left when they have."""
    mesh = ServedMesh()

    def use_once() -> None:
        use(mesh)
        mesh.receive()  # the disconnect, where there is one
        mesh.worker.flush()  # what nobody read of a body
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
