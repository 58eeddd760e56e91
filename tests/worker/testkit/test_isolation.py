"""What a test does reaches neither the next one nor the mesh of production, whichever part of the test does it."""

from __future__ import annotations

import asyncio
import logging
import time
import unittest
from typing import ClassVar

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from zmqlayer import InMemoryChannelLayer
from zmqlayer.timing import Timing
from zmqlayer.worker import Channel, Group, Message, route
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.test import (
    ChannelTestCase,
    Client,
    TransactionChannelTestCase,
    WSClient,
    apply_routes,
    in_memory_layers,
)


def run(case: type[unittest.TestCase]) -> unittest.TestResult:
    """Run all tests of *case*."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case)(result)
    return result


def ignore(message: Message) -> None:
    """A consumer."""


async def answer(message: Message) -> None:
    """Answer, as a coroutine that has waited."""
    assert message.reply_channel is not None
    await asyncio.sleep(0)
    await message.reply_channel.asend({"text": str(await User.objects.acount())})


def welcome(message: Message) -> None:
    """Let in, and say something at once."""
    assert message.reply_channel is not None
    message.reply_channel.send({"accept": True, "text": '"welcome"'})


def test_unread_messages_are_dropped_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for readers that will not come, and the log is quiet: a test may leave what it does not look at."""
    with caplog.at_level(logging.WARNING), in_memory_layers():
        Channel("left").send({"n": 1})
        Group("room").add("left")
        before = time.monotonic()

    assert time.monotonic() - before < Timing().linger_s / 2
    assert caplog.records == []


@pytest.mark.parametrize("base", [ChannelTestCase, TransactionChannelTestCase])
def test_what_a_class_prepares_reaches_no_mesh(base: type[unittest.TestCase], database: None) -> None:
    """Signals of models may send while ``setUpTestData`` or fixtures make them: to memory, and no test sees it."""
    kinds: list[type] = []

    class Case(base):  # type: ignore[misc, valid-type]  # either of the two
        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            kinds.append(type(channel_layers.backend("default")))
            Channel("left").send({})

        def test_it(self) -> None:
            assert self.get_next_message("left") is None

    before = channel_layers.backend("default")
    result = run(Case)

    assert (result.testsRun, result.errors, result.failures) == (1, [], [])
    assert kinds == [InMemoryChannelLayer]
    assert channel_layers.backend("default") is before


@apply_routes([route("ignore", ignore)])
def test_a_consumer_leaves_the_transaction_open(database: None) -> None:
    """A worker closes old connections around a consumer; here that would end the transaction that the test is in."""
    with in_memory_layers(), transaction.atomic():
        User.objects.create_user("eve")
        Client().send_and_consume("ignore")

        assert not connection.needs_rollback
        assert User.objects.filter(username="eve").exists()


@apply_routes([route("ignore", ignore)])
class Decorated(ChannelTestCase):
    """Has routes from its ``setUp`` on."""

    __test__ = False  # it is run by the tests below

    seen: ClassVar[list[str]] = []

    def setUp(self) -> None:
        Client().send_and_consume("ignore")
        self.seen.append("setUp")

    async def test_a_coroutine(self) -> None:
        await asyncio.sleep(0)
        Client().send_and_consume("ignore")
        self.seen.append("coroutine")

    async def test_consumers_of_both_kinds(self) -> None:
        with apply_routes([route("ignore", ignore), route("answer", answer)]):
            client = Client()
            assert await client.asend_and_consume("ignore")
            await client.asend_and_consume("answer")
            assert client.receive() == {"text": "0"}
            assert not await client.aconsume("answer", fail_on_none=False)
        self.seen.append("both")

    @apply_routes([route("other", ignore)])
    async def test_its_own_routes(self) -> None:
        await asyncio.sleep(0)
        Client().send_and_consume("other")
        self.seen.append("own")


class Heir(Decorated):
    """Has the routes of its parent."""


@pytest.mark.parametrize("case", [Decorated, Heir])
def test_routes_last_as_long_as_the_test(case: type[Decorated], database: None) -> None:
    """They are in force for ``setUp``, for what a coroutine does after it has waited, and in subclasses."""
    case.seen.clear()

    result = run(case)

    assert (result.testsRun, result.errors, result.failures) == (3, [], [])
    assert case.seen == ["setUp", "coroutine", "setUp", "both", "setUp", "own"]


@apply_routes([route("websocket.connect", welcome)])
def test_an_acceptance_may_say_more() -> None:
    """A consumer may accept and send in one message, as servers understand it; the rest is received next."""
    with in_memory_layers():
        client = WSClient()

        client.send_and_consume("websocket.connect")

        assert client.receive() == "welcome"
        assert client.receive() is None


@apply_routes([route("ignore", ignore)])
def test_who_consumes_a_channel() -> None:
    """A test may ask for the consumer itself."""
    with in_memory_layers():
        client = Client()

        assert client.get_consumer_by_channel("ignore") is ignore
        assert client.get_consumer_by_channel("other") is None
