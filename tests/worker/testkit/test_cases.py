"""Test cases with layers in memory: what Django's are with the database."""

from __future__ import annotations

import unittest
from typing import Any

import channels.layers
import pytest
from django.test import SimpleTestCase

from zmqlayer import InMemoryChannelLayer
from zmqlayer.worker import Channel, Group, Message, get_channel_layer, route
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.test import (
    ChannelLiveServerTestCase,
    ChannelTestCase,
    Client,
    TransactionChannelTestCase,
    apply_routes,
    live,
)
from zmqlayer.worker.test.base import ChannelTestCaseMixin

heard: list[str] = []


def run(case: type[unittest.TestCase]) -> unittest.TestResult:
    """Run all tests of *case*."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case)(result)
    return result


def greet(message: Message) -> None:
    """Answer when the transaction is committed."""
    assert message.reply_channel is not None
    message.reply_channel.send({"text": "hello"}, on_commit=True)


class Kept(ChannelTestCase):
    """Leaves messages and members; the next test finds none."""

    __test__ = False  # it is run by the tests below

    def setUp(self) -> None:
        heard.append(type(get_channel_layer()).__name__)

    def test_1(self) -> None:
        Channel("left").send({"n": 1})
        Group("room").add("left")

    def test_2(self) -> None:
        assert self.get_next_message("left") is None
        Group("room").send({})
        assert self.get_next_message("left") is None
        with pytest.raises(AssertionError):
            self.get_next_message("left", require=True)

    @apply_routes([route("greet", greet)])
    def test_3_commit(self) -> None:
        client = Client()
        client.send_and_consume("greet")
        assert client.receive() is None
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            client.send_and_consume("greet")
        assert len(callbacks) == 1
        assert client.receive() == {"text": "hello"}

    async def test_4_coroutine(self) -> None:
        layer = channels.layers.get_channel_layer()
        assert layer is channel_layers.backend("default")
        await layer.send("left", {"n": 1})
        assert await layer.receive("left") == {"n": 1}


class Committing(TransactionChannelTestCase):
    """Commits."""

    __test__ = False  # it is run by the tests below

    @apply_routes([route("greet", greet)])
    def test_commit(self) -> None:
        client = Client()
        client.send_and_consume("greet")
        assert client.receive() == {"text": "hello"}


class Broken(ChannelTestCase):
    """Fails."""

    __test__ = False  # it is run by the tests below

    def test_fails(self) -> None:
        Channel("left").send({})
        raise RuntimeError


@pytest.mark.parametrize(("case", "tests"), [(Kept, 4), (Committing, 1)])
def test_each_test_has_layers_of_its_own(database: None, case: type[unittest.TestCase], tests: int) -> None:
    """Empty ones, seen by Channels too; afterwards the old ones are back."""
    before = get_channel_layer()

    result = run(case)

    assert (result.testsRun, result.errors, result.failures) == (tests, [], [])
    assert get_channel_layer() is before
    assert set(heard) <= {"SyncLayer"}


def test_a_test_that_fails_leaves_nothing(database: None) -> None:
    """Its layers go with it."""
    before = get_channel_layer()

    assert len(run(Broken).errors) == 1
    assert get_channel_layer() is before


def test_a_test_case_of_another_library() -> None:
    """The mixin gives it layers in memory, with a database or without one."""

    class Case(ChannelTestCaseMixin, SimpleTestCase):
        def test_it(self) -> None:
            Channel("left").send({"n": 1})
            self.assertEqual(self.get_next_message("left", require=True).content, {"n": 1})  # type: ignore[union-attr]

    result = run(Case)

    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


def test_the_settings_still_count(settings: Any, database: None) -> None:
    """All aliases are replaced, with their own capacity, and what only another backend knows is left out."""
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {"capacity": 3, "cluster": "x"}},
        "other": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": []}, "TEST_CONFIG": {}},
    }
    found: list[Any] = []

    class Case(ChannelTestCase):
        def test_it(self) -> None:
            found.extend(channel_layers.backend(alias) for alias in ("default", "other"))
            found.append(found[0].capacity)

    assert run(Case).errors == []
    assert [type(each) for each in found] == [InMemoryChannelLayer, InMemoryChannelLayer, int]
    assert found[2] == 3


def test_a_live_site_that_does_not_start(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of each of its tests, and the other tests go on; nothing of it stays."""

    class Live(ChannelLiveServerTestCase):
        __test__ = False  # it is run below

        def test_one(self) -> None:
            raise AssertionError("this is not reached")

        test_two = test_one

    def fail(*args: Any) -> None:
        raise RuntimeError("the interface server did not start")

    monkeypatch.setattr(live, "_Server", fail)
    before = get_channel_layer()

    result = run(Live)

    assert [error.splitlines()[-1] for _, error in result.errors] == [
        "RuntimeError: the interface server did not start"
    ] * 2
    assert get_channel_layer() is before
