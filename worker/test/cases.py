"""Django's test cases with layers in memory: each test has empty ones, and leaves nothing to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import TestCase, TransactionTestCase

from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER
from zmqlayer.worker.message import Message
from zmqlayer.worker.test.client import next_message
from zmqlayer.worker.test.memory import in_memory_layers

__all__ = ["ChannelTestCase", "ChannelTestCaseMixin", "TransactionChannelTestCase"]

if TYPE_CHECKING:
    from unittest import TestCase as _Base
else:
    _Base = object


class ChannelTestCaseMixin(_Base):
    """
    Replaces the layers around each test, its ``setUp`` and its ``tearDown``, coroutines too.

    Put it before a test case of another library, such as REST framework's.

    What a class and its fixtures send, before there is a test, goes to layers of their own, which no test sees.
    """

    @classmethod
    def setUpClass(cls) -> None:
        cls.enterClassContext(in_memory_layers())
        super().setUpClass()

    def run(self, result: Any = None) -> Any:
        with in_memory_layers():
            return super().run(result)

    def get_next_message(
        self, channel: str, alias: str = DEFAULT_CHANNEL_LAYER, require: bool = False
    ) -> Message | None:
        """
        Take the next message of *channel*; None if there is none.

        Raises:
            AssertionError: There is none, and *require*.
        """
        return next_message(channel, alias, require)


class ChannelTestCase(ChannelTestCaseMixin, TestCase):
    """
    A test case in a transaction that is rolled back.

    So ``on_commit`` sends nothing by itself: use ``self.captureOnCommitCallbacks(execute=True)`` as for any other
    callback on commit.
    """


class TransactionChannelTestCase(ChannelTestCaseMixin, TransactionTestCase):
    """A test case that commits, and empties the tables afterwards."""
