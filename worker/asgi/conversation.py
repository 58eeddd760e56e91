"""
What requests and WebSockets have in common: an application that talks with one client, from its call to its return.

Whatever the application does, the client gets an answer and the worker lives.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable

from zmqlayer.exceptions import LayerClosed, ZmqLayerError
from zmqlayer.loops import send_patiently
from zmqlayer.messages import Message
from zmqlayer.ports import Wish
from zmqlayer.twisted import ReactorLayer
from zmqlayer.worker.asgi.exceptions import ClientGone
from zmqlayer.worker.asgi.types import Application, Event, Scope

__all__ = ["Conversation"]

logger = logging.getLogger(__name__)


class Conversation(ABC):
    """
    One call of an application.

    Args:
        layer: Of the loop that this runs on.
        reply_channel: Where the client's server reads.

    Attributes:
        scope: What the application is called with.
        is_gone: Whether nobody is there any more, as far as is known.
    """

    __slots__ = ("_following", "_is_cut", "_layer", "_line", "_reply", "is_gone", "scope")

    def __init__(self, layer: ReactorLayer, reply_channel: str, scope: Scope) -> None:
        self.scope = scope
        self.is_gone = False
        self._layer = layer
        self._reply = reply_channel
        self._line = asyncio.Lock()
        self._following: Wish | None = None
        self._is_cut = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def name(self) -> str:
        """What to call it in the log."""
        return f"{self.scope.get('method', 'the WebSocket at')} {self.scope['path']}"

    async def run(self, application: Application) -> None:
        """Call *application*, and see to it that the client gets an answer."""
        try:
            await self._begin()
            await application(self.scope, self.receive, self.send)
        except GeneratorExit:  # the loop is gone
            raise
        except BaseException as exc:  # noqa: BLE001  # logged there; SystemExit and its like would end the loop
            self._explain(exc)
            await self._settle(is_failed=True)
        else:
            await self._settle(is_failed=False)
        finally:
            self._end()

    @abstractmethod
    async def receive(self) -> Event:
        """Return the next event for the application."""

    @abstractmethod
    async def send(self, event: Event) -> None:
        """Take an event of the application."""

    def stop(self) -> None:  # noqa: B027  # a request may just finish
        """The worker stops."""

    def cut(self, task: asyncio.Task[None]) -> None:
        """There is no more time: end the application, which runs in *task*."""
        self._is_cut = True
        task.cancel()

    async def _begin(self) -> None:  # noqa: B027  # nothing comes before a request
        """Do what comes before the application is called."""

    @abstractmethod
    async def _conclude(self, is_failed: bool) -> None:
        """Send what is missing from the answer: the application has returned, or failed."""

    @abstractmethod
    def _went(self) -> None:
        """Nobody is there any more: tell the application."""

    def _end(self) -> None:
        """Hear no more of the client."""
        if self._following is not None:
            self._following.cancel()

    async def _deliver(self, messages: Iterable[Message]) -> None:
        """
        Send *messages* to the client, in order, as fast as it takes them.

        Raises:
            ClientGone: It has left.
        """
        async with self._line:
            for message in messages:
                try:
                    await send_patiently(self._layer, self._reply, message)
                except LayerClosed:
                    self._lose()
                if self.is_gone:
                    raise ClientGone("the client has left")

    def _follow(self) -> None:
        """Hear from now on when the client's server is gone, or has closed its end."""
        if self._following is None:
            self._following = self._layer.follow(self._reply, self._lose)

    def _lose(self) -> None:
        if not self.is_gone:
            self.is_gone = True
            self._went()

    async def _settle(self, *, is_failed: bool) -> None:
        try:
            if not self.is_gone:
                await self._conclude(is_failed)
        except (ClientGone, ZmqLayerError) as exc:
            logger.debug("%s has no proper end: %s", self.name, exc)

    def _explain(self, exc: BaseException) -> None:
        """Say what ended the application."""
        if self.is_gone and isinstance(exc, ClientGone | asyncio.CancelledError):
            logger.debug("the client of %s has left", self.name)
        elif self.is_gone and isinstance(exc, Exception):  # what frameworks make of ClientGone, or of a disconnect
            logger.info("the client of %s had left when the application raised %r", self.name, exc)
        elif self._is_cut and isinstance(exc, asyncio.CancelledError):
            logger.warning("%s took too long when the worker stopped: cut", self.name)
        else:
            logger.error("the application failed on %s", self.name, exc_info=exc)
