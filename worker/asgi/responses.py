"""
A response on its way from an application: what it sends, in ASGI's events, becomes messages for the client. Pure.

The start is held until there is content, so that a short response is one message. A long body is cut into pieces
that a slow client can hold back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Any, Final

from zmqlayer.messages import NO_CONTENT, Message
from zmqlayer.worker.asgi.fields import read_headers, read_kind, take, take_bytes

__all__ = ["Response"]

PLAIN: Final = [[b"content-type", b"text/plain; charset=utf-8"]]


class State(Enum):
    """How far a response is; each with the word for what the application may send then."""

    NEW = "'http.response.start'"
    STARTED = "'http.response.body', after the start"
    SENDING = "'http.response.body', since the last one said that more follows"
    COMPLETE = "nothing, since the response is complete,"
    BROKEN = "nothing, since a part of the response could not be sent,"


class Sent(Enum):
    """What an application sends."""

    START = auto()
    MORE = auto()
    LAST = auto()
    TRAILERS = auto()


TRANSITIONS: Final = {
    (State.NEW, Sent.START): State.STARTED,
    (State.STARTED, Sent.MORE): State.SENDING,
    (State.STARTED, Sent.LAST): State.COMPLETE,
    (State.SENDING, Sent.MORE): State.SENDING,
    (State.SENDING, Sent.LAST): State.COMPLETE,
    (State.COMPLETE, Sent.TRAILERS): State.COMPLETE,  # they have no place in a message, and nobody misses them
}


class Response:
    """
    One response.

    Args:
        method: Of the request: the answer to HEAD has no content, whatever the application sends.
        piece_size: Bytes of content in one message.
    """

    __slots__ = ("_head", "_is_mute", "_order", "_piece_size", "_sent", "_state")

    def __init__(self, method: str, piece_size: int) -> None:
        self._state = State.NEW
        self._head: Message = {}
        self._order = 0
        self._sent = 0
        self._is_mute = method == "HEAD"
        self._piece_size = piece_size

    def __repr__(self) -> str:
        return f"<Response [{self._state.name} | {self._sent} messages]>"

    @property
    def is_begun(self) -> bool:
        """Whether the client may have seen something of it."""
        return self._sent > 0

    @property
    def is_complete(self) -> bool:
        """Whether the application has sent all of it."""
        return self._state is State.COMPLETE

    @property
    def is_answered(self) -> bool:
        """Whether the client has all that it may have, though the application has more to send."""
        return self._is_mute and self.is_begun

    def read(self, event: Any) -> Iterable[Message]:
        """
        Return the messages that *event* becomes; each is made when it is asked for. Call :meth:`sent` for each.

        Raises:
            TypeError: Something in it is of the wrong type.
            RuntimeError: It is not its turn; the error says what is.
        """
        kind = read_kind(event)
        if kind == "http.response.body":
            content, is_more = take_bytes(event, "body") or b"", bool(event.get("more_body"))
            self._move(kind, Sent.MORE if is_more else Sent.LAST)
            return self._write(content, is_more)
        if kind == "http.response.start":
            head = _read_head(event)
            self._move(kind, Sent.START)
            self._head = head
        else:
            self._move(kind, Sent.TRAILERS if kind == "http.response.trailers" else None)
        return ()

    def sent(self) -> None:
        """The next of the messages that were returned was sent."""
        self._sent += 1

    def lose(self) -> None:
        """One of them was not, and will not be: the response is not whole."""
        self._state = State.BROKEN

    def break_off(self, status: int, sentence: str) -> Message | None:
        """Return the message that ends a response which will not be whole; None if it is, or nobody waits for it."""
        if self.is_complete or self.is_answered:
            return None
        self._state = State.COMPLETE
        if self.is_begun:
            return {"content": b"", "more_content": False, "closed": True}
        content = f"{sentence}\n".encode()
        # Numbered, lest a server that did get the beginning of another takes this for its end.
        return {"status": status, "headers": PLAIN, "content": content, "more_content": False, "order": 0}

    def _move(self, kind: str, sent: Sent | None) -> None:
        try:
            self._state = TRANSITIONS[self._state, sent]  # type: ignore[index]  # None is in no pair
        except KeyError:
            raise RuntimeError(f"the application sent {kind!r} where {self._state.value} is expected") from None

    def _write(self, content: bytes, is_more: bool) -> Iterable[Message]:
        if self._is_mute or self._head.get("status") in NO_CONTENT:
            self._is_mute = True
            return () if self._order else [self._number(b"", is_more=False)]
        if len(content) <= self._piece_size:
            return [self._number(content, is_more)]
        return self._cut(content, is_more)

    def _cut(self, content: bytes, is_more: bool) -> Iterator[Message]:
        view, size = memoryview(content), self._piece_size
        for begin in range(0, len(view), size):
            yield self._number(bytes(view[begin : begin + size]), is_more or begin + size < len(view))

    def _number(self, content: bytes, is_more: bool) -> Message:
        head, self._head = self._head, {}
        part = {**head, "content": content, "more_content": is_more, "order": self._order}
        self._order += 1
        return part


def _read_head(event: dict[str, Any]) -> Message:
    status = take(event, "status", int)
    if status is None or not 200 <= status <= 999:
        raise TypeError(f"'status' of 'http.response.start' is {status!r}, and not from 200 to 999")
    return {"status": int(status), "headers": read_headers(event)}
