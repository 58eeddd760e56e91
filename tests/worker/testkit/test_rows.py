"""Rows of the database: a test sees those of its consumers, and they see those of the test, in one transaction."""

from __future__ import annotations

import threading
import unittest
from typing import Any, Final

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from zmqlayer.worker import Message, route
from zmqlayer.worker.test import ChannelTestCase, Client, TransactionChannelTestCase, apply_routes, in_memory_layers

REQUEST: Final = {"path": "/async/add-user/", "method": "GET", "headers": [[b"host", b"testserver"]]}


def run(case: type[unittest.TestCase]) -> unittest.TestResult:
    """Run all tests of *case*."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case)(result)
    return result


def add(message: Message) -> None:
    """Add a user, and answer with how many there are."""
    assert message.reply_channel is not None
    User.objects.create(username="of the consumer")
    message.reply_channel.send({"content": b"%d" % User.objects.count()})


async def add_later(message: Message) -> None:
    """The same as a coroutine."""
    assert message.reply_channel is not None
    await User.objects.acreate(username="of the consumer")
    await message.reply_channel.asend({"content": b"%d" % await User.objects.acount()})


async def name_thread(message: Message) -> None:
    """Answer with the thread where a coroutine's queries run."""
    assert message.reply_channel is not None
    await message.reply_channel.asend({"number": await sync_to_async(threading.get_ident)()})


ROUTES: Final = [route("function", add), route("coroutine", add_later), route("thread", name_thread)]


@pytest.mark.parametrize("base", [ChannelTestCase, TransactionChannelTestCase])
@pytest.mark.parametrize(("channel", "content"), [("function", {}), ("coroutine", {}), ("http.request", REQUEST)])
def test_a_test_and_its_consumers_share_rows(base: Any, channel: str, content: dict[str, Any], database: None) -> None:
    """Consumers of both kinds, and a view that is a coroutine; the test a function, or a coroutine itself."""
    counted: list[tuple[bytes, int]] = []

    @apply_routes(ROUTES, append=True)
    class Case(base):  # type: ignore[misc]  # either of the two
        def test_function(self) -> None:
            User.objects.create(username="of the test")
            client = Client()
            client.send_and_consume(channel, content)
            counted.append((client.receive()["content"], User.objects.count()))  # type: ignore[index]  # it answered

        async def test_coroutine(self) -> None:
            await User.objects.acreate(username="of the test")
            client = Client()
            await client.asend_and_consume(channel, content)
            counted.append((client.receive()["content"], await User.objects.acount()))  # type: ignore[index]

    assert run(Case).errors == []
    assert counted == [(b"2", 2), (b"2", 2)]


@apply_routes(ROUTES)
def test_queries_of_a_coroutine_run_where_the_test_waits() -> None:
    """In its own thread, with its connections."""
    with in_memory_layers():
        client = Client()

        client.send_and_consume("thread")

        assert client.receive() == {"number": threading.get_ident()}


def test_a_coroutine_that_calls_what_blocks(database: None) -> None:
    """A test that is a coroutine may call the blocking methods where Django runs what blocks."""
    threads: list[int] = []

    @apply_routes(ROUTES)
    class Case(ChannelTestCase):
        async def test_it(self) -> None:
            client = Client()
            threads.append(await sync_to_async(threading.get_ident)())
            await sync_to_async(client.send_and_consume)("thread")
            threads.append(client.receive()["number"])  # type: ignore[index]  # it answered

    assert run(Case).errors == []
    assert threads == [threading.get_ident()] * 2
