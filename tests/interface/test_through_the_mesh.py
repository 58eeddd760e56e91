"""Raw bytes in and out of the server's protocol classes, with a real mesh behind them and no socket anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.connections import TEXT, frame, get, post, split_response, upgrade
from support.served_mesh import ServedMesh
from zmqlayer.exceptions import ChannelFull

Maker = Callable[..., ServedMesh]


@pytest.fixture
def make() -> Iterator[Maker]:
    """Makes a server from keyword options, and closes it after the test."""
    made = []

    def make(**options: object) -> ServedMesh:
        made.append(ServedMesh(**options))
        return made[-1]

    yield make
    for mesh in made:
        mesh.close()


def read_body(mesh: ServedMesh, channel: str) -> bytes:
    """Read the rest of a body to its end."""
    body, is_more = b"", True
    while is_more:
        _, piece = mesh.receive(channel)
        body += piece["content"]
        is_more = piece.get("more_content", False)
    return body


@given(
    path=st.text("abc/é ☃", max_size=10),
    fields=st.lists(st.tuples(st.sampled_from([b"x-a", b"x-b"]), st.binary(max_size=9).map(bytes.hex)), max_size=4),
    body=st.binary(max_size=400),
    cuts=st.lists(st.integers(1, 50), max_size=20),
)
def test_a_request_goes_there_and_back(
    path: str, fields: list[tuple[bytes, str]], body: bytes, cuts: list[int]
) -> None:
    """Whatever it holds and however it is cut; a body above 100 bytes follows in pieces of 50."""
    mesh = ServedMesh(body_inline_size=100, body_chunk_size=50)
    quoted = "/" + "".join(f"%{byte:02x}" for byte in path.encode())
    data = post(body, quoted, *(b"%b: %b" % (name, value.encode()) for name, value in fields))
    client = mesh.request(b"")
    for cut in cuts:
        client.send(data[:cut])
        data = data[cut:]
    client.send(data)

    channel, message = mesh.receive()
    whole = message.get("body", b"")
    if "body_channel" in message:
        whole += read_body(mesh, message["body_channel"])
    mesh.answer(message, status=200, content=whole)

    assert (channel, message["path"], whole) == ("http.request", "/" + path, body)
    assert [tuple(f) for f in message["headers"] if f[0].startswith(b"x-")] == [(n, v.encode()) for n, v in fields]
    assert split_response(client.read())[::2] == (200, body)
    mesh.close()


def test_a_body_waits_for_its_reader(make: Maker) -> None:
    """The client is read no further until the worker takes a piece, and then all of it arrives in order."""
    mesh = make(body_inline_size=100, body_chunk_size=100)
    pieces = [bytes([n]) * 100 for n in range(60)]
    client = mesh.request(post(b"".join(pieces))[: -60 * 100])
    sent = 0
    while client.transport.producerState == "producing" and sent < 60:
        client.send(pieces[sent])
        mesh.reactor.turn()
        sent += 1
    held_at = sent

    _, message = mesh.receive()
    body, is_more = message["body"], True
    while is_more:
        _, piece = mesh.receive(message["body_channel"])
        body += piece["content"]
        is_more = piece["more_content"]
        while client.transport.producerState == "producing" and sent < 60:
            client.send(pieces[sent])
            sent += 1

    assert held_at < 30
    assert body == b"".join(pieces)


def test_a_slow_client_is_felt_as_a_full_channel(make: Maker) -> None:
    """The worker hears ``ChannelFull`` while the client takes nothing, and goes on when it does."""
    mesh = make()
    client = mesh.request(get())
    _, message = mesh.receive()
    mesh.answer(message, status=200, content=b"-", more_content=True)
    client.set_slow()

    sent = 0
    with pytest.raises(ChannelFull):
        for sent in range(100):
            mesh.answer(message, content=b"%02d" % sent, more_content=True)
    client.set_fast()
    mesh.reactor.turn()
    mesh.answer(message, content=b"end")

    assert sent < 100
    assert split_response(client.read())[2] == b"-" + b"".join(b"%02d" % n for n in range(sent)) + b"end"


def test_a_client_that_leaves_is_told_to_the_sender(make: Maker) -> None:
    """Its reply channel is closed for the worker at once."""
    mesh = make()
    client = mesh.request(get())
    _, message = mesh.receive()

    client.leave()
    mesh.reactor.turn()

    assert not mesh.worker.is_open(message["reply_channel"])


def test_a_request_that_was_not_taken_leaves_with_its_client(make: Maker) -> None:
    """No worker sees it."""
    mesh = make()
    kept, left = mesh.request(get("/kept")), mesh.request(get("/left"))

    left.leave()

    assert [mesh.receive()[1].get("path") for _ in range(2)] == ["/kept", None]
    assert kept.read() == b""


def test_a_websocket_is_heard_one_message_at_a_time(make: Maker) -> None:
    """The next one comes when the consumer of the one before has ended; then it says goodbye."""
    mesh = make()
    client = mesh.request(upgrade())
    _, connect = mesh.receive()
    mesh.answer(connect, accept=True, consumed=0)
    client.read()
    client.send(frame(TEXT, b"one") + frame(TEXT, b"two"))

    first, too_early = mesh.receive()[1], mesh.receive()
    mesh.answer(first, text="1", consumed=first["order"])
    second = mesh.receive()[1]
    mesh.answer(second, text="2", consumed=second["order"])
    client.leave()
    channel, goodbye = mesh.receive()

    assert (first["text"], too_early, second["text"]) == ("one", (None, {}), "two")
    assert client.read() == b"\x81\x011\x81\x012"
    assert (channel, goodbye["order"]) == ("websocket.disconnect", 3)
