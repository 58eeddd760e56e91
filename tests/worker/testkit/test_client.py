"""``Client``: how consumers are tested."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from django.db import transaction

from zmqlayer.worker import Channel, Group, Message, route
from zmqlayer.worker.exceptions import ConsumeLater, DenyConnection
from zmqlayer.worker.test import Client, apply_routes, in_memory_layers


@pytest.fixture
def client() -> Iterator[Client]:
    """Somebody on empty layers in memory."""
    with in_memory_layers():
        yield Client()


def square(message: Message) -> None:
    """Answer with the square of a number, and let the sum be worked out elsewhere."""
    assert message.reply_channel is not None
    message.reply_channel.send({"square": message["number"] ** 2})
    Channel("sums").send({"number": message["number"]})


async def asquare(message: Message) -> None:
    """The same as a coroutine."""
    assert message.reply_channel is not None
    await asyncio.sleep(0)
    await message.reply_channel.asend({"square": message["number"] ** 2})


def fail(message: Message) -> None:
    """Raise."""
    raise ZeroDivisionError("no number")


def deny(message: Message) -> None:
    """Refuse, as a consumer does."""
    raise DenyConnection


def put_off(message: Message) -> None:
    """Ask for later."""
    raise ConsumeLater


def save(message: Message) -> None:
    """Tell when the transaction is committed."""
    with transaction.atomic():
        Channel("saved").send({}, on_commit=True)


ROUTES = [
    route("square", square),
    route("asquare", asquare),
    route("fail", fail),
    route("deny", deny),
    route("later", put_off),
    route("save", save),
    route("picky", square, number="^7$"),
]


@apply_routes(ROUTES)
def test_a_consumer_answers(client: Client) -> None:
    """What a consumer sent is there when it was consumed: answers, and messages for others."""
    client.send_and_consume("square", {"number": 7})

    assert client.receive() == {"square": 49}
    assert client.receive() is None
    message = client.get_next_message("sums", require=True)
    assert message is not None
    assert message["number"] == 7


@apply_routes(ROUTES)
def test_a_coroutine_answers(client: Client) -> None:
    """It is run to its end."""
    client.send_and_consume("asquare", {"number": 7})

    assert client.receive() == {"square": 49}


@apply_routes(ROUTES)
def test_an_exception_comes_out(client: Client) -> None:
    """A test sees what the log of a worker would have."""
    with pytest.raises(ZeroDivisionError, match="no number"):
        client.send_and_consume("fail")


@apply_routes(ROUTES)
def test_a_word_to_the_worker_is_obeyed(client: Client) -> None:
    """What a consumer raises on purpose is done, as in a worker."""
    client.send_and_consume("deny")
    client.send_and_consume("later")

    assert client.receive() == {"close": True}
    again = client.get_next_message("later", require=True)
    assert again is not None
    assert again["__retries__"] == 1


@apply_routes(ROUTES)
def test_nothing_to_consume(client: Client) -> None:
    """Without a message, or without a route for it, the test fails, unless it says that this may be."""
    with pytest.raises(AssertionError, match="a message was expected on 'square', and none is there"):
        client.consume("square")
    with pytest.raises(AssertionError, match="no route wants <Message on picky"):
        client.send_and_consume("picky", {"number": 8})

    assert not client.consume("square", fail_on_none=False)
    assert not client.send_and_consume("picky", {"number": 8}, fail_on_none=False)
    assert client.send_and_consume("picky", {"number": 7}, fail_on_none=False)


@apply_routes(ROUTES)
def test_a_message_for_the_commit(client: Client, database: None) -> None:
    """It leaves when the consumer's transaction is committed."""
    client.send_and_consume("save")

    assert client.get_next_message("saved") is not None


def test_a_client_in_a_group(client: Client) -> None:
    """It reads what the group is told."""
    client.join_group("news")

    Group("news").send({"text": "It rains"})

    assert client.receive() == {"text": "It rains"}
    assert repr(client).startswith("<Client at test.client.")


def test_what_is_sent_may_be_changed(client: Client) -> None:
    """The message is what it was when it was sent."""
    content = {"items": [1]}

    client.send("square", content)
    content["items"].append(2)

    message = client.get_next_message("square", require=True)
    assert message is not None
    assert message.content == {"items": [1], "reply_channel": client.reply_channel}
