"""What an application sends to a WebSocket becomes messages, in its turn only."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.worker.asgi.sockets import Socket

ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
SEND = {"type": "websocket.send", "text": "hi"}
REFUSE = {"type": "websocket.http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]}
BODY = {"type": "websocket.http.response.body", "body": b"no", "more_body": False}


@pytest.fixture
def socket() -> Socket:
    return Socket(["chat", "wamp"])


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (ACCEPT, {"accept": True}),
        ({**ACCEPT, "subprotocol": "chat"}, {"accept": True, "subprotocol": "chat"}),
        ({**ACCEPT, "subprotocol": None, "headers": []}, {"accept": True}),
        ({**ACCEPT, "headers": [(b"a", b"b")]}, {"accept": True, "headers": [[b"a", b"b"]]}),
        (CLOSE, {"close": 1000}),
        ({**CLOSE, "code": 4000, "reason": "no"}, {"close": 4000, "reason": "no"}),
        ({**CLOSE, "reason": None}, {"close": 1000}),
        ({"type": "websocket.http.response.start", "status": 403, "headers": []}, {"close": 1000, "status": 403}),
    ],
)
def test_the_handshake(socket: Socket, event: dict[str, Any], message: dict[str, Any]) -> None:
    """It is accepted or refused."""
    assert socket.read(event) == message
    assert (socket.is_open, socket.is_closed) == ("accept" in message, "close" in message)


def test_an_open_websocket(socket: Socket) -> None:
    """Text and bytes, empty ones too, then the close."""
    socket.read(ACCEPT)

    assert socket.read(SEND) == {"text": "hi"}
    assert socket.read({"type": "websocket.send", "text": None, "bytes": b""}) == {"bytes": b""}
    assert socket.read({"type": "websocket.send", "bytes": memoryview(b"x")}) == {"bytes": b"x"}
    assert socket.read({**CLOSE, "code": 1001}) == {"close": 1001}


@pytest.mark.parametrize(
    ("before", "event", "expected"),
    [
        ([], SEND, "'websocket.accept' or 'websocket.close' is expected"),
        ([ACCEPT], ACCEPT, "'websocket.send' or 'websocket.close' is expected"),
        ([CLOSE], CLOSE, "nothing, since the application has closed the WebSocket, is expected"),
        ([ACCEPT, CLOSE], SEND, "nothing, since the application has closed"),
        ([], {"type": "http.response.start"}, "sent 'http.response.start' where 'websocket.accept'"),
        ([REFUSE], SEND, "'websocket.http.response.body' is expected"),
        ([ACCEPT], REFUSE, "'websocket.send' or 'websocket.close' is expected"),
    ],
)
def test_out_of_turn(socket: Socket, before: list[dict[str, Any]], event: dict[str, Any], expected: str) -> None:
    """The error names what came and what is expected."""
    for each in before:
        socket.read(each)

    with pytest.raises(RuntimeError, match=expected):
        socket.read(event)


@pytest.mark.parametrize(
    ("before", "event", "mistake"),
    [
        ([], {**ACCEPT, "subprotocol": "mqtt"}, "is 'mqtt', and the client offered chat, wamp"),
        ([], {**ACCEPT, "subprotocol": 7}, "of type int and not str"),
        ([], {**ACCEPT, "headers": {"a": "b"}}, "'headers' of 'websocket.accept' is no list of pairs"),
        ([], {**CLOSE, "code": 1006}, "'code' of 'websocket.close' is 1006, which may not be sent"),
        ([], {**CLOSE, "code": "1000"}, "'code' of 'websocket.close' is '1000', of type str and not int"),
        ([], {**CLOSE, "reason": b"no"}, "'reason' of 'websocket.close' is b'no', of type bytes and not str"),
        ([ACCEPT], {"type": "websocket.send"}, "either 'text' or 'bytes'"),
        ([ACCEPT], {**SEND, "bytes": b"x"}, "either 'text' or 'bytes'"),
        ([ACCEPT], {**SEND, "text": b"x"}, "'text' of 'websocket.send' is b'x', of type bytes and not str"),
        ([ACCEPT], {"type": "websocket.send", "bytes": "x"}, "of type str and not bytes"),
    ],
)
def test_mistakes(socket: Socket, before: list[dict[str, Any]], event: dict[str, Any], mistake: str) -> None:
    """They are named, and the WebSocket is where it was."""
    for each in before:
        socket.read(each)

    with pytest.raises((TypeError, ValueError), match=mistake):
        socket.read(event)
    assert socket.is_open is bool(before)


def test_an_end_of_the_workers_own(socket: Socket) -> None:
    """During the handshake a status says it, then a code, and in the end nothing."""
    opened = Socket([])
    opened.read(ACCEPT)

    assert socket.end(1011, 500) == {"close": 1011, "status": 500}
    assert opened.end(1012, 503) == {"close": 1012}
    assert (socket.end(1011, 500), opened.end(1011, 500)) == (None, None)


def test_what_was_not_sent_has_not_happened(socket: Socket) -> None:
    """A client that does not know of it has to be told in another way."""
    socket.read(ACCEPT)
    socket.undo()
    opened = Socket([])
    opened.read(ACCEPT)
    opened.read(CLOSE)
    opened.undo()

    assert socket.end(1011, 500) == {"close": 1011, "status": 500}
    assert opened.end(1000, 500) == {"close": 1000}


def test_a_refusal(socket: Socket) -> None:
    """It answers the handshake; a close comes later."""
    refused, responded = Socket([]), Socket([])
    refused.read(CLOSE)
    responded.read(REFUSE)
    assert refused.is_refused
    assert responded.is_refused

    refused.undo()
    socket.read(ACCEPT)
    assert not refused.is_refused
    socket.read(CLOSE)
    assert not socket.is_refused


def test_the_body_of_a_refusal_is_for_nobody(socket: Socket) -> None:
    """Frameworks send one, and then it belongs to its turn; the client has the status by then."""
    assert not socket.is_rest(BODY)
    socket.read(REFUSE)

    assert socket.is_rest(BODY)
    assert not socket.is_rest(SEND)
    assert socket.end(1011, 500) is None
    assert not socket.is_rest(BODY)


@pytest.mark.parametrize("status", [101, 200, 302, 600, None])
def test_a_refusal_has_a_status_that_refuses(socket: Socket, status: int | None) -> None:
    """Others are the application's mistake."""
    with pytest.raises(ValueError, match="refuses nothing: 400 to 599"):
        socket.read({**REFUSE, "status": status})
