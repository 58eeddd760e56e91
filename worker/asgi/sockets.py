"""
A WebSocket as its application uses it: what it sends, in ASGI's events, becomes messages for the client. Pure.

A handshake may be refused with a response, too, as frameworks do where somebody raises an HTTP error before the
WebSocket is accepted (``websocket.http.response`` of ASGI). Its status reaches the client; its headers and its body do
not, so the extension is not offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final

from zmqlayer.messages import Message, is_close_code
from zmqlayer.worker.asgi.fields import read_headers, read_kind, take, take_bytes

__all__ = ["INTERNAL_ERROR", "NORMAL", "SERVICE_RESTART", "Socket"]

NORMAL: Final = 1000
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012


class State(Enum):
    """Where a WebSocket is; each with the word for what the application may send then."""

    HANDSHAKE = "'websocket.accept' or 'websocket.close'"
    OPEN = "'websocket.send' or 'websocket.close'"
    REFUSED = "'websocket.http.response.body'"
    CLOSED = "nothing, since the application has closed the WebSocket,"


class Sent(Enum):
    """What an application sends."""

    ACCEPT = auto()
    SEND = auto()
    CLOSE = auto()
    REFUSE = auto()


KINDS: Final = {
    "websocket.accept": Sent.ACCEPT,
    "websocket.send": Sent.SEND,
    "websocket.close": Sent.CLOSE,
    "websocket.http.response.start": Sent.REFUSE,
}
REST: Final = "websocket.http.response.body"
TRANSITIONS: Final = {
    (State.HANDSHAKE, Sent.ACCEPT): State.OPEN,
    (State.HANDSHAKE, Sent.CLOSE): State.CLOSED,
    (State.HANDSHAKE, Sent.REFUSE): State.REFUSED,
    (State.OPEN, Sent.SEND): State.OPEN,
    (State.OPEN, Sent.CLOSE): State.CLOSED,
}


class Socket:
    """
    One WebSocket.

    Args:
        offered: The subprotocols that the client offered.
    """

    __slots__ = ("_before", "_offered", "_state")

    def __init__(self, offered: Sequence[str]) -> None:
        self._state = self._before = State.HANDSHAKE
        self._offered = offered

    def __repr__(self) -> str:
        return f"<Socket [{self._state.name}]>"

    @property
    def is_closed(self) -> bool:
        """Whether the application, or :meth:`end`, has closed or refused it."""
        return self._state in (State.CLOSED, State.REFUSED)

    @property
    def is_refused(self) -> bool:
        """Whether the application has answered the handshake with a refusal."""
        return self.is_closed and self._before is State.HANDSHAKE

    @property
    def is_open(self) -> bool:
        """Whether the application has accepted it, and it is not closed."""
        return self._state is State.OPEN

    def is_rest(self, event: Any) -> bool:
        """Whether *event* is the body of a response with which the handshake was refused: no client sees it."""
        return self._state is State.REFUSED and isinstance(event, dict) and event.get("type") == REST

    def read(self, event: Any) -> Message:
        """
        Return the message that *event* becomes.

        Raises:
            TypeError, ValueError: Something in it is wrong.
            RuntimeError: It is not its turn; the error says what is.
        """
        kind = read_kind(event)
        sent = KINDS.get(kind)
        if (self._state, sent) not in TRANSITIONS:
            raise RuntimeError(f"the application sent {kind!r} where {self._state.value} is expected")
        message = self._read_message(event, sent)
        self._before, self._state = self._state, TRANSITIONS[self._state, sent]  # type: ignore[index]  # None is in none
        return message

    def undo(self) -> None:
        """The message that :meth:`read` returned last was not sent: the WebSocket is as it was."""
        self._state = self._before

    def end(self, code: int, status: int) -> Message | None:
        """Return the message that closes it, or refuses it with *status*; None if it is closed."""
        before, self._state = self._state, State.CLOSED
        if before is State.HANDSHAKE:
            return {"close": code, "status": status}
        return {"close": code} if before is State.OPEN else None

    def _read_message(self, event: dict[str, Any], sent: Sent | None) -> Message:
        if sent is Sent.SEND:
            return _read_payload(event)
        if sent is Sent.REFUSE:
            return {"close": NORMAL, "status": _read_status(event)}
        return self._read_accept(event) if sent is Sent.ACCEPT else _read_close(event)

    def _read_accept(self, event: dict[str, Any]) -> Message:
        message: Message = {"accept": True}
        if headers := read_headers(event):
            message["headers"] = headers
        subprotocol = take(event, "subprotocol", str)
        if subprotocol is not None:
            if subprotocol not in self._offered:
                offered = ", ".join(self._offered) or "none"
                raise ValueError(f"'subprotocol' is {subprotocol!r:.80}, and the client offered {offered}")
            message["subprotocol"] = subprotocol
        return message


def _read_payload(event: dict[str, Any]) -> Message:
    text, content = take(event, "text", str), take_bytes(event, "bytes")
    if (text is None) is (content is None):
        raise ValueError("'websocket.send' has either 'text' or 'bytes'; this one has both, or neither")
    return {"bytes": content} if text is None else {"text": text}


def _read_close(event: dict[str, Any]) -> Message:
    reason = take(event, "reason", str)
    message: Message = {"close": _read_code(event)}
    return {**message, "reason": reason} if reason else message


def _read_status(event: dict[str, Any]) -> int:
    status = take(event, "status", int)
    if status is None or not 400 <= status <= 599:
        raise ValueError(
            f"'status' of 'websocket.http.response.start' is {status!r}, which refuses nothing: 400 to 599"
        )
    return int(status)


def _read_code(event: dict[str, Any]) -> int:
    code = take(event, "code", int)
    if code is None:
        return NORMAL
    if is_close_code(code):
        return int(code)
    raise ValueError(f"'code' of 'websocket.close' is {code}, which may not be sent (RFC 6455, 7.4)")
