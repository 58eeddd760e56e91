"""
``Presence``: cancels the coroutine that answers a client when the client leaves.

The server is told where to say so by an invitation (``events_channel``), which goes out with the first part of a
stream, or when the view has not answered for a moment: most views answer sooner, and cost no message more. Used by
the consumer of ``http.request`` for views that are coroutines; a thread cannot be cancelled.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from zmqlayer.exceptions import LayerClosed, ZmqLayerError
from zmqlayer.messages import HTTP_DISCONNECT
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.exceptions import RequestAborted

__all__ = ["Presence"]

INVITE_AFTER_S: Final = 0.1
CROSSED_S: Final = 0.2
"""How long after the invitation it is known here whether the client had left before it arrived."""
LOOK_AGAIN_S: Final = 10.0
"""How often to look whether the server is there at all: who was killed says nothing."""


class Presence:
    """
    The time that a client waits for its response, as a block of an ``async with``.

    When the client leaves, the task is cancelled in the block, and the block raises ``RequestAborted``.

    Args:
        reply: The client's reply channel.
    """

    def __init__(self, reply: Channel) -> None:
        self._reply = reply
        self._layer = reply.channel_layer
        self._channel: str | None = None
        self._listening: asyncio.Task[None] | None = None
        self._is_gone = False

    def __repr__(self) -> str:
        state = "gone" if self._is_gone else "told" if self._channel else "there"
        return f"<Presence at {self._reply} [{state}]>"

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # a coroutine that runs is in one
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(INVITE_AFTER_S, self._invite_alone)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._listening is not None:
            self._listening.cancel()
        if self._is_gone and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise RequestAborted(f"the client behind {self._reply} is gone") from exc

    def invite(self) -> str | None:
        """Return the channel to name as ``events_channel`` in the message that is sent next; None if that was done."""
        if self._channel is not None:
            return None
        self._timer.cancel()
        self._channel = self._layer.new_channel(f"{HTTP_DISCONNECT}!")
        self._listening = self._loop.create_task(self._listen(self._channel))
        self._timer = self._loop.call_later(CROSSED_S, self._look)
        return self._channel

    def _invite_alone(self) -> None:
        channel = self.invite()
        with suppress(ZmqLayerError):  # an unheard invitation leaves everything as it was
            self._reply.deliver({"events_channel": channel})

    async def _listen(self, channel: str) -> None:
        with suppress(LayerClosed):
            while not self._is_gone:
                _, message = await self._layer.receive_async([channel])
                if message is not None and message.get("type") == HTTP_DISCONNECT:
                    self._leave()

    def _look(self) -> None:
        if not self._layer.is_open(self._reply.name):
            self._leave()
        else:
            self._timer = self._loop.call_later(LOOK_AGAIN_S, self._look)

    def _leave(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._task.cancel()
