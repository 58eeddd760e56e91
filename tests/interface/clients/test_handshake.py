"""Which requests open a WebSocket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.connections import KEY
from zmqlayer.interface.clients.handshake import Handshake, read_handshake
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


def test_a_good_handshake_is_read() -> None:
    """The key is all that Autobahn has to know."""
    assert read_handshake(head_with({})) == Handshake(KEY)


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
        read_handshake(head_with(changes))

    assert caught.value.status == status


def test_only_a_get_without_a_body_opens_a_websocket() -> None:
    """A body would be read as frames."""
    with pytest.raises(BadRequest, match="GET"):
        read_handshake(head_with({}, method="POST"))
    with pytest.raises(BadRequest, match="no body"):
        read_handshake(replace(head_with({}), fields=(*GOOD, (b"content-length", b"1"))))


def test_the_canonical_head_holds_no_other_byte_of_the_client() -> None:
    """Path, cookies and origin stay with us."""
    lines = Handshake(KEY).canonical_head().split(b"\r\n")

    assert lines[0] == b"GET / HTTP/1.1"
    assert {line.partition(b":")[0].lower() for line in lines[1:] if line} == {name for name, _ in GOOD}
