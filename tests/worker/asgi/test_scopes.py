"""Messages of interface servers become scopes of ASGI 3."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.worker.asgi.scopes import http_scope, lifespan_scope, websocket_scope

REQUEST: dict[str, Any] = {
    "reply_channel": "http.response.x!1",
    "http_version": "2",
    "method": "POST",
    "scheme": "https",
    "path": "/blue/ä/",
    "query_string": b"a=1",
    "root_path": "/blue",
    "headers": [[b"host", b"a"], [b"cookie", b"b"], [b"cookie", b"c"]],
    "client": ["192.0.2.7", 4711],
    "server": ["testserver", 443],
}
CONNECT: dict[str, Any] = {"reply_channel": "websocket.send.x!1", "path": "/", "headers": [], "order": 0}


def test_a_request() -> None:
    """Every key of the specification, with its types."""
    assert http_scope(REQUEST, {"db": 1}) == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "2",
        "method": "POST",
        "scheme": "https",
        "path": "/blue/ä/",
        "query_string": b"a=1",
        "root_path": "/blue",
        "headers": [(b"host", b"a"), (b"cookie", b"b"), (b"cookie", b"c")],
        "client": ("192.0.2.7", 4711),
        "server": ("testserver", 443),
        "state": {"db": 1},
        "extensions": {},
    }


def test_a_websocket() -> None:
    """What the message leaves out has its default."""
    scope = websocket_scope(CONNECT, {})

    assert (scope["type"], scope["scheme"], scope["root_path"]) == ("websocket", "ws", "")
    assert (scope["query_string"], scope["client"], scope["server"]) == (b"", None, None)
    assert "method" not in scope


@pytest.mark.parametrize(
    ("values", "names"),
    [([], []), ([b"chat"], ["chat"]), ([b"chat, wamp", b"", b" mqtt ,"], ["chat", "wamp", "mqtt"])],
)
def test_subprotocols(values: list[bytes], names: list[str]) -> None:
    """All that the client offers, in order, from one header or several."""
    headers = [[b"sec-websocket-protocol", value] for value in values]

    assert websocket_scope({**CONNECT, "headers": headers}, {})["subprotocols"] == names


def test_state_is_a_copy() -> None:
    """What one connection puts there, the next does not see; what the lifespan puts there, all do."""
    state = {"db": [1]}
    scope = http_scope(REQUEST, state)
    scope["state"]["own"] = 2

    assert (state, scope["state"]["db"] is state["db"]) == ({"db": [1]}, True)
    assert lifespan_scope(state)["state"] is state


@pytest.mark.parametrize("broken", [{"path": None}, {"headers": [[b"a"]]}, {"headers": None}, {"client": ["a"]}])
def test_no_message_of_a_server(broken: dict[str, Any]) -> None:
    """An error that the worker expects."""
    message = {key: value for key, value in {**REQUEST, **broken}.items() if (key, value) != ("path", None)}

    with pytest.raises((KeyError, TypeError, ValueError, IndexError)):
        http_scope(message, {})
