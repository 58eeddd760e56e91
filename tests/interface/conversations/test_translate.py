"""What requests and frames look like as messages."""

from __future__ import annotations

from typing import Any

from support.connections import check_format
from zmqlayer.interface.clients.head import Head
from zmqlayer.interface.conversations.translate import (
    Ends,
    http_disconnect,
    http_request,
    websocket_connect,
    websocket_disconnect,
    websocket_receive,
)

HEAD = Head("1.1", "PUT", "/ä", b"q=%20", ((b"host", b"a"), (b"x", b"1"), (b"host", b"b")))
PLAIN = Ends(False, ["10.0.0.9", 5], ["10.0.0.1", 80])
SECURE = Ends(True, None, None, "/site")


def test_a_request_becomes_the_drafts_message() -> None:
    """Every key of the draft, in its type."""
    message: Any = http_request(HEAD, PLAIN, "http.response.n!1", b"\x00body")

    check_format("http.request", message)
    assert message == {
        "reply_channel": "http.response.n!1",
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": "/ä",
        "query_string": b"q=%20",
        "headers": [[b"host", b"a"], [b"x", b"1"], [b"host", b"b"]],
        "body": b"\x00body",
        "client": ["10.0.0.9", 5],
        "server": ["10.0.0.1", 80],
    }


def test_a_root_path_is_told_where_there_is_one() -> None:
    """The key is absent for a site at the root."""
    message = http_request(HEAD, SECURE, "http.response.n!1", b"")

    assert (message["root_path"], message["scheme"], message["client"]) == ("/site", "https", None)


def test_a_websocket_is_the_first_in_its_order() -> None:
    """The connect message has order 0, and everything a worker decides by."""
    message: Any = websocket_connect(HEAD, PLAIN, "websocket.send.n!1")

    check_format("websocket.connect", message)
    assert (message["order"], message["scheme"], message["path"], message["query_string"]) == (0, "ws", "/ä", b"q=%20")


def test_a_secure_websocket_says_so() -> None:
    """Workers build URLs from the scheme."""
    message = websocket_connect(HEAD, SECURE, "websocket.send.n!1")

    assert (message["scheme"], message["root_path"]) == ("wss", "/site")


def test_a_frame_is_text_or_bytes() -> None:
    """Exactly one of the two is not None, even if it is empty."""
    text: Any = websocket_receive("websocket.send.n!1", "/", "", 1)
    binary: Any = websocket_receive("websocket.send.n!1", "/", b"", 2)

    check_format("websocket.receive", text)
    assert (text["text"], text["bytes"], text["order"]) == ("", None, 1)
    assert (binary["text"], binary["bytes"], binary["order"]) == (None, b"", 2)


def test_disconnects_name_the_channel_and_the_path() -> None:
    """Workers route on the path and clean up by the channel."""
    http: Any = http_disconnect("http.response.n!1", "/p")
    websocket: Any = websocket_disconnect("websocket.send.n!1", "/p", 1006, 7)

    check_format("http.disconnect", http)
    check_format("websocket.disconnect", websocket)
    assert websocket_disconnect("websocket.send.n!1", "/p", 1006, 7, "bye") == {**websocket, "reason": "bye"}
    assert http == {"reply_channel": "http.response.n!1", "path": "/p"}
    assert websocket == {"reply_channel": "websocket.send.n!1", "path": "/p", "code": 1006, "order": 7}
