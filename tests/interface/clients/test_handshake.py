"""Which requests open a WebSocket."""

from __future__ import annotations

import pytest

from support.connections import ACCEPT, KEY
from zmqlayer.interface.clients.extensions import agree
from zmqlayer.interface.clients.handshake import (
    Handshake,
    choose_subprotocol,
    offered_subprotocols,
    read_handshake,
)
from zmqlayer.interface.clients.head import BadRequest, Head

GOOD = (
    (b"host", b"localhost"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", KEY),
)


def head_with(changes: dict[bytes, bytes | None], method: str = "GET") -> Head:
    """Return a good head with some fields replaced, or left out."""
    fields = [(name, changes.get(name, value)) for name, value in GOOD]
    return Head("1.1", method, "/", b"", tuple((name, value) for name, value in fields if value is not None))


def head_and(*fields: tuple[bytes, bytes]) -> Head:
    """Return a good head with more fields."""
    return Head("1.1", "GET", "/", b"", (*GOOD, *fields))


def read(head: Head, *allowed_origins: str) -> Handshake:
    """Read the handshake as a server does that compresses."""
    return read_handshake(head, True, allowed_origins)


def test_a_good_handshake_is_read() -> None:
    """A client that offers nothing gets nothing."""
    assert read(head_with({})) == Handshake(KEY, None)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({b"connection": b"keep-alive"}, 400),
        ({b"connection": None}, 400),
        ({b"sec-websocket-version": b"8"}, 426),
        ({b"sec-websocket-version": None}, 426),
        ({b"sec-websocket-key": None}, 400),
        ({b"sec-websocket-key": b"short"}, 400),
        ({b"sec-websocket-key": KEY[:-1]}, 400),
        ({b"sec-websocket-key": KEY[:-3] + b"\r\n="}, 400),
        ({b"sec-websocket-key": b"====" * 6}, 400),
    ],
)
def test_a_wrong_handshake_is_refused(changes: dict[bytes, bytes | None], status: int) -> None:
    """Each of the five conditions of RFC 6455, 4.2.1 counts."""
    with pytest.raises(BadRequest) as caught:
        read(head_with(changes))

    assert caught.value.status == status


def test_only_a_get_without_a_body_opens_a_websocket() -> None:
    """A body would be read as frames."""
    with pytest.raises(BadRequest, match="GET"):
        read(head_with({}, method="POST"))
    with pytest.raises(BadRequest, match="no body"):
        read(head_with({})._replace(fields=(*GOOD, (b"content-length", b"1"))))


def test_the_answer_opens_the_websocket() -> None:
    """With what was agreed on and what the worker adds; the accept is that of RFC 6455, 1.3."""
    agreement = agree([b"permessage-deflate"])
    assert agreement is not None

    answer = Handshake(KEY, agreement).answer("chat", [(b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")])

    assert answer.split(b"\r\n") == [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + ACCEPT,
        b"Sec-WebSocket-Protocol: chat",
        b"Sec-WebSocket-Extensions: " + agreement.answer,
        b"Set-Cookie: a=1",
        b"Set-Cookie: b=2",
        b"",
        b"",
    ]


def test_compression_may_be_switched_off() -> None:
    """An offer is then read, and not taken."""
    head = head_and((b"sec-websocket-extensions", b"permessage-deflate"))

    assert read_handshake(head, True, ()).compression is not None
    assert read_handshake(head, False, ()).compression is None


def test_subprotocols_are_read_in_order() -> None:
    """From one field or several."""
    head = head_and((b"sec-websocket-protocol", b"a, b"), (b"sec-websocket-protocol", b"c,"))

    assert offered_subprotocols(read(head) and head) == ("a", "b", "c")


@pytest.mark.parametrize("value", [b"a, a", b"a b", b"a, \xff", b'"a"'])
def test_subprotocols_are_different_tokens(value: bytes) -> None:
    """RFC 6455, 4.1: anything else is no offer."""
    with pytest.raises(BadRequest, match="Sec-WebSocket-Protocol"):
        read(head_and((b"sec-websocket-protocol", value)))


def test_the_server_has_its_preferences() -> None:
    """The first of its own that the client offers."""
    assert choose_subprotocol(("a", "b"), ("c", "b", "a")) == "b"
    assert choose_subprotocol(("a",), ("c",)) == ""


def test_pages_of_other_origins_are_refused() -> None:
    """403, where the server is told which ones it serves."""
    head = head_and((b"origin", b"https://evil.example"))

    assert read(head)
    with pytest.raises(BadRequest) as caught:
        read(head, "https://good.example")
    assert (caught.value.status, caught.value.fault) == (403, "foreign origin")
