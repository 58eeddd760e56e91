"""
What a client is told when the consumer of its message failed. Pure; used by :mod:`zmqlayer.worker.consumption`.
"""

from __future__ import annotations

from typing import Any, Final, cast

from zmqlayer.messages import HTTP_REQUEST, WEBSOCKET_CONNECT, WEBSOCKET_RECEIVE, HttpResponse
from zmqlayer.messages import Message as Content

__all__ = ["SERVER_ERROR", "answer_to_failure", "is_awaited"]

SERVER_ERROR: Final = HttpResponse(
    status=500,
    headers=[[b"content-type", b"text/plain; charset=utf-8"]],
    content=b"The server could not build this response.",
    more_content=False,
)
BROKEN_OFF: Final = HttpResponse(content=b"", more_content=False, closed=True)
CLOSE: Final = {"close": 1011, "status": 500}
"""Refuses a WebSocket that waits for its handshake with 500, and closes an open one with 1011."""


def is_awaited(channel: str) -> bool:
    """Whether the client behind a message on *channel* waits until it is answered."""
    return channel in (HTTP_REQUEST, WEBSOCKET_CONNECT)


def answer_to_failure(channel: str, said: Content | None) -> Content | None:
    """
    Return what to send to the reply channel of a message whose consumer failed; None if nobody waits for a word.

    Args:
        channel: Where the message was received.
        said: What the consumer sent last to the reply channel, if anything.
    """
    if channel in (WEBSOCKET_CONNECT, WEBSOCKET_RECEIVE):
        return dict(CLOSE)
    if channel != HTTP_REQUEST or (said is not None and not said.get("more_content")):
        return None
    return cast(dict[str, Any], {**(SERVER_ERROR if said is None else BROKEN_OFF)})
