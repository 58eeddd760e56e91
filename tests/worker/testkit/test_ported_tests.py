"""What ``docs/porting.md`` says to write in tests where the kit of Channels 1.x was different."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from zmqlayer.worker import Message, channel_session, route
from zmqlayer.worker.exceptions import ConsumeLater, DenyConnection
from zmqlayer.worker.generic import BaseConsumer
from zmqlayer.worker.routing import Router
from zmqlayer.worker.sessions import http_session, session_for_reply_channel
from zmqlayer.worker.test import WSClient, apply_routes, in_memory_layers


@pytest.fixture
def client() -> Iterator[WSClient]:
    """A browser on empty layers in memory."""
    with in_memory_layers():
        yield WSClient()


class Squares(BaseConsumer):
    """Answers with squares, and keeps the last one."""

    method_mapping: ClassVar = {"square": "square", "square.later": "square_later"}
    last = 0

    def square(self, message: Message, **kwargs: Any) -> None:
        """Answer."""
        self.last = message["number"] ** 2
        assert message.reply_channel is not None
        message.reply_channel.send({"square": self.last})

    async def square_later(self, message: Message, **kwargs: Any) -> None:
        """The same as a coroutine."""
        self.square(message)


def taken(client: WSClient, channel: str) -> Message:
    """Send a number, and return the message that came of it."""
    client.send(channel, {"number": 33})
    message = client.get_next_message(channel, require=True)
    assert message is not None
    return message


def test_an_instance_dispatches(client: WSClient) -> None:
    """It can be looked at afterwards."""
    message = taken(client, "square")

    consumer = Squares(message)
    before = client.receive()
    consumer.dispatch(message)

    assert (before, client.receive(), consumer.last) == (None, {"square": 1089}, 1089)


def test_an_instance_with_coroutines_dispatches(client: WSClient) -> None:
    """What it returns is awaited."""
    message = taken(client, "square.later")

    asyncio.run(Squares(message).dispatch(message))

    assert client.receive() == {"square": 1089}


def test_words_to_the_worker_are_obeyed(client: WSClient) -> None:
    """They do not come out."""

    def later(message: Message) -> None:
        raise ConsumeLater

    def deny(message: Message) -> None:
        raise DenyConnection

    with apply_routes([route("later", later), route("deny", deny)]):
        client.send_and_consume("later")
        client.send_and_consume("deny")

    assert client.get_next_message("later") is not None
    assert client.receive() == {"close": True}


@pytest.mark.usefixtures("database")
def test_a_browser_and_its_connection_have_two_sessions(client: WSClient) -> None:
    """The client's is the browser's; the connection's is found by its reply channel."""

    @channel_session
    @http_session
    def greet(message: Message) -> None:
        assert message.http_session is not None
        message.channel_session["greeted"] = message.http_session["name"]

    client.session["name"] = "Eve"
    client.session.save()
    with apply_routes([route("websocket.connect", greet)]):
        client.send_and_consume("websocket.connect", check_accept=False)

    assert session_for_reply_channel(client.reply_channel)["greeted"] == "Eve"
    assert "greeted" not in client.session


def test_a_match_has_names(client: WSClient) -> None:
    """And knows the class where there is one."""
    message = taken(client, "square")

    match = Router([Squares.as_route(number=r"^(?P<digit>\d)")]).match(message)

    assert match is not None
    assert (match.consumer.__wrapped__, match.kwargs) == (Squares, {"digit": "3"})  # type: ignore[attr-defined]
