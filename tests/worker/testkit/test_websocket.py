"""``WSClient``: how consumers of a WebSocket are tested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from zmqlayer.worker import Channel, Group, Message, channel_session, route
from zmqlayer.worker.auth import channel_session_user, channel_session_user_from_http
from zmqlayer.worker.sessions import enforce_ordering, http_session
from zmqlayer.worker.test import HttpClient, WSClient, apply_routes, in_memory_layers


@pytest.fixture
def client() -> Iterator[WSClient]:
    """A browser on empty layers in memory."""
    with in_memory_layers():
        yield WSClient()


def reply(message: Message, content: dict[str, Any]) -> None:
    """Send to the browser."""
    assert message.reply_channel is not None
    message.reply_channel.send(content)


@channel_session_user_from_http
def connect(message: Message, room: str) -> None:
    """Let in, and remember the room."""
    assert message.reply_channel is not None
    message.channel_session["room"] = room
    Group(room).add(message.reply_channel)
    reply(message, {"accept": True})


@channel_session_user
def receive(message: Message) -> None:
    """Say to the room who says what."""
    Group(message.channel_session["room"]).send(
        {"text": f'{{"by": "{message.user.username}", "says": {message["text"]}}}'}
    )


def receive_path(message: Message) -> None:
    """Give the text back."""
    reply(message, {"text": message["text"]})


def refuse(message: Message) -> None:
    """Close before it is open."""
    reply(message, {"close": True})


@http_session
def greet(message: Message) -> None:
    """Say what the browser's session, headers and query have."""
    headers = {name.decode(): value.decode() for name, value in message["headers"]}
    colour = message.http_session and message.http_session.get("colour")
    reply(message, {"text": f"{colour} {headers['x-kind']} {message['query_string'].decode()}"})


@enforce_ordering
@channel_session
def count(message: Message) -> None:
    """Answer with the number of the message."""
    reply(message, {"text": str(message["order"])})


ROUTES = [
    route("websocket.connect", connect, path=r"^/rooms/(?P<room>\w+)/$"),
    route("websocket.connect", refuse, path=r"^/closed/$"),
    route("websocket.connect", greet, path=r"^/greet/$"),
    route("websocket.receive", count, path=r"^/count/$"),
    route("websocket.receive", receive),
]


@apply_routes(ROUTES)
def test_a_chat(client: WSClient, database: None) -> None:
    """A user connects and speaks: sessions, users and groups are as in production."""
    client.force_login(User.objects.create_user("eve"))

    client.send_and_consume("websocket.connect", path="/rooms/lobby/")
    client.send_and_consume(text={"hello": "all"})

    assert client.receive() == {"by": "eve", "says": {"hello": "all"}}
    assert client.receive() is None


@apply_routes(ROUTES)
def test_a_login_by_password(client: WSClient, database: None) -> None:
    """By the authentication backends; a logout forgets the session."""
    User.objects.create_user("eve", password="apple")

    refused, accepted = client.login(username="eve", password="pear"), client.login(username="eve", password="apple")
    client.send_and_consume("websocket.connect", path="/rooms/lobby/")
    client.send_and_consume(text=1)
    client.logout()

    assert (refused, accepted) == (False, True)
    assert client.receive() == {"by": "eve", "says": 1}
    assert "sessionid" not in client.cookies


def keep(message: Message) -> None:
    """Send the message on, to be looked at."""
    Channel("kept").send(dict(message.content))


@apply_routes([route("websocket.connect", keep, path="^/café/$")])
def test_what_servers_make_of_a_url(client: WSClient) -> None:
    """A path that ``reverse()`` gives leads where it does in production; the query string stays as it is."""
    client.send_and_consume("websocket.connect", path="/caf%C3%A9/?q=%C3%BC", check_accept=False)

    kept: Any = client.get_next_message("kept", require=True)
    assert (kept["path"], kept["query_string"]) == ("/café/", b"q=%C3%BC")


@apply_routes([route("websocket.disconnect", keep)])
def test_a_disconnect_has_a_code(client: WSClient) -> None:
    """As it always has in production; a test may say another one."""
    client.send_and_consume("websocket.disconnect")
    client.send_and_consume("websocket.disconnect", {"code": 1001})

    kept: list[Any] = [client.get_next_message("kept", require=True) for _ in range(2)]
    assert [message["code"] for message in kept] == [1000, 1001]


@apply_routes(ROUTES)
def test_a_refusal(client: WSClient) -> None:
    """A test that expects an open WebSocket fails; one that does not sees the answer."""
    with pytest.raises(AssertionError, match=r"was not accepted: the answer is .*close"):
        client.send_and_consume("websocket.connect", path="/closed/")

    client.send_and_consume("websocket.connect", path="/closed/", check_accept=False)
    assert client.receive() == {"close": True}


@apply_routes(ROUTES)
def test_an_acceptance_is_taken_where_it_is_consumed(client: WSClient) -> None:
    """Whether the message was sent in the same call or before, as in Channels 1.x."""
    for path in ("/rooms/lobby/", "/closed/", "/closed/"):
        client.send("websocket.connect", path=path)

    client.consume("websocket.connect")
    assert client.receive() is None
    with pytest.raises(AssertionError, match="was not accepted"):
        client.consume("websocket.connect")
    client.consume("websocket.connect", check_accept=False)
    assert client.receive() == {"close": True}
    assert not client.consume("websocket.connect", fail_on_none=False)


def test_a_text_comes_third(client: WSClient) -> None:
    """The order of arguments is that of Channels 1.x, where a text stands before what is said by name."""
    with apply_routes([route("websocket.receive", receive_path, path=r"^/rooms/$")]):
        client.send_and_consume("websocket.receive", {}, {"a": 1}, "/rooms/")
        assert client.receive() == {"a": 1}
        client.send_and_consume("websocket.receive", {"text": {"a": 2}}, None, "/rooms/")
        assert client.receive() == {"a": 2}
        assert not client.send_and_consume("chat.receive", {}, "nobody reads this", "/", False)


def test_a_text_on_any_channel(client: WSClient) -> None:
    """A channel of the project's own, to which consumers hand over, gets it too."""
    client.send("chat.receive", text={"says": "hello"})

    message = client.get_next_message("chat.receive", require=True)
    assert message is not None
    assert message["text"] == '{"says": "hello"}'


@apply_routes(ROUTES)
def test_headers_cookies_and_query(client: WSClient, database: None) -> None:
    """They go with the handshake."""
    client.session["colour"] = "blue"
    client.session.save()
    client.set_cookie("taste", "sweet")
    client.set_header("X-Kind", "test")

    client.send_and_consume("websocket.connect", path="/greet/?a=1", check_accept=False)

    assert client.receive(json=False) == "blue test a=1"
    assert client.get_cookies() == {"taste": "sweet", "sessionid": client.session.session_key}
    with pytest.raises(ValueError, match="set_cookie"):
        client.set_header("Cookie", "taste=sour")


@apply_routes(ROUTES)
def test_numbered_messages(database: None) -> None:
    """As servers number them; what tells servers of a worker's progress is left out of the answers."""
    with in_memory_layers():
        client = HttpClient(ordered=True)
        for _ in range(2):
            client.send_and_consume(text="", path="/count/")

        assert [client.receive(), client.receive(), client.receive()] == [1, 2, None]


def test_what_a_browser_receives(client: WSClient) -> None:
    """The value of a text, the text itself if that is asked for, and the message where there is no text."""
    for text in ('{"a": 1}', '{"a": 1}', "no json"):
        client.send(client.reply_channel, text=text)
    client.send(client.reply_channel, {"bytes": b"\0"})

    assert client.receive() == {"a": 1}
    assert client.receive(json=False) == '{"a": 1}'
    with pytest.raises(ValueError, match="Expecting value"):
        client.receive()
    assert client.receive()["bytes"] == b"\0"
