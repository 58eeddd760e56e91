"""
``Answer``: a response on its way to a reply channel, piece by piece, as fast as the client takes it.

Used by the consumer of ``http.request``, from threads and from coroutines.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any, cast

from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.messages import HttpResponse as Part
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.exceptions import RequestAborted
from zmqlayer.worker.failures import SERVER_ERROR
from zmqlayer.worker.outbox import Outbox, current_outbox

__all__ = ["Answer"]


class Answer:
    """
    A response on its way: what has been sent decides how it can be broken off.

    Attributes:
        is_over: Whether it is whole, or nobody waits for the rest.
    """

    def __init__(self, reply: Channel) -> None:
        self.reply = reply
        self.is_over = False
        self._sent = 0

    @property
    def has_begun(self) -> bool:
        """Whether a part was sent."""
        return self._sent > 0

    def send(self, part: Part) -> None:
        """Send one part; raises ChannelFull when the reader stays away, RequestAborted when it is gone."""
        content, outbox = self._number(part), current_outbox()
        try:
            if outbox is None:
                self.reply.send(content, immediately=True)
            else:
                self._send(outbox, content)
        except ChannelFull as exc:
            self._check_awaited(exc)
            raise
        self._note(part)

    async def asend(self, part: Part) -> None:
        """Send one part as :meth:`send` does; others run while this waits for room."""
        content, outbox = self._number(part), current_outbox()
        try:
            if outbox is None:
                await self.reply.asend(content, immediately=True)
            else:
                await self._asend(outbox, content)
        except ChannelFull as exc:
            self._check_awaited(exc)
            raise
        self._note(part)

    def end(self) -> None:
        """Tell the server, if it waits for more, that no more will come."""
        if self.is_over:
            return
        last = Part(content=b"", more_content=False, closed=True) if self._sent else SERVER_ERROR
        with contextlib.suppress(ZmqLayerError):
            self.reply.send(cast(dict[str, Any], last), immediately=True)

    def is_awaited(self) -> bool:
        """Whether somebody still reads it, as far as is known here."""
        return self.reply.channel_layer.is_open(self.reply.name)

    def _number(self, part: Part) -> dict[str, Any]:
        if self._sent:
            self._check_awaited()  # messages for who is gone are dropped without an error: a stream would never end
        return {**part, "order": self._sent}

    def _send(self, outbox: Outbox, content: dict[str, Any]) -> None:
        try:
            outbox.send_now(self.reply, content)
        except ChannelFull as exc:  # rarely is there no room, and nothing is prepared for that before
            patience, send = outbox.patience, partial(outbox.send_now, self.reply, content)
            patience.persist(send, exc, patience.clock() + patience.reply_s, self._is_abandoned)

    async def _asend(self, outbox: Outbox, content: dict[str, Any]) -> None:
        try:
            await outbox.asend_now(self.reply, content)
        except ChannelFull as exc:
            patience, send = outbox.patience, partial(outbox.asend_now, self.reply, content)
            await patience.apersist(send, exc, patience.clock() + patience.reply_s, self._is_abandoned)

    def _is_abandoned(self) -> bool:
        return not self.is_awaited()

    def _note(self, part: Part) -> None:
        self._sent += 1
        self.is_over = not part["more_content"]

    def _check_awaited(self, refusal: ChannelFull | None = None) -> None:
        if not self.is_awaited():
            raise RequestAborted(f"nobody reads {self.reply} any more") from refusal
