"""
From the mesh to a WebSocket: what the messages of a worker, in the format of the 2016 ASGI draft, make it do.

Pure. As in ``replies``, a message is checked in full before anything of it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zmqlayer.interface.clients.head import Field
from zmqlayer.interface.conversations.invitations import read_invitation
from zmqlayer.interface.conversations.replies import HOP_BY_HOP, BadReply, read_header, take
from zmqlayer.messages import Message, is_close_code

__all__ = [
    "Accept",
    "Action",
    "Close",
    "Deny",
    "Ignore",
    "Progress",
    "Send",
    "read_handshake_answer",
    "read_progress",
    "read_websocket_send",
]

FORBIDDEN: Final = 403
LEFT_OUT: Final = HOP_BY_HOP | {b"content-length"}
"""101 has no length either (RFC 9110, 8.6)."""
OURS: Final = b"sec-websocket-"
"""Begins the names of the fields that make the answer to a handshake (RFC 6455, 4.2.2)."""


@dataclass(frozen=True, slots=True)
class Accept:
    """
    Open the WebSocket.

    Attributes:
        subprotocol: The one to speak; empty if the worker names none.
        fields: For the answer to the handshake.
    """

    subprotocol: str = ""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse the WebSocket; *status* answers the handshake."""

    status: int = FORBIDDEN


@dataclass(frozen=True, slots=True)
class Send:
    """Send one message to the client: text if *payload* is a str."""

    payload: str | bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket with *code*, and tell why."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Do nothing but say why."""

    problem: str


Action = Accept | Deny | Send | Close | Ignore


@dataclass(frozen=True, slots=True)
class Progress:
    """
    What a message says about the worker that sent it.

    Attributes:
        consumed: The order of the last message whose consumer has ended; None if the worker does not tell.
        events_channel: Where the events of this connection shall go from now on; empty if it says nothing of that.
    """

    consumed: int | None
    events_channel: str


def read_progress(message: Message) -> Progress:
    """
    Read how far the worker is, and whether it invites.

    Raises:
        BadReply: A value is of another type, or no process channel.
    """
    return Progress(take(message, "consumed", int), read_invitation(message) or "")


def read_handshake_answer(message: Message) -> list[Action]:
    """
    Return what to do, in order, on a message that arrives before the WebSocket is open.

    Raises:
        BadReply: A value is of another type, or cannot be sent.
    """
    accept = take(message, "accept", bool)
    actions = read_websocket_send(message)
    if accept is False:
        return [_read_denial(message)]
    if accept or any(isinstance(action, Send) and action.payload for action in actions):
        return [_read_accept(message), *actions]
    if any(isinstance(action, Close) for action in actions):
        return [_read_denial(message)]
    if "consumed" in message or "events_channel" in message:
        return actions
    return actions or [Ignore("neither accepts nor closes a WebSocket whose handshake waits for that")]


def read_websocket_send(message: Message) -> list[Action]:
    """
    Return what to do, in order, on a message for an open WebSocket.

    Raises:
        BadReply: A value is of another type, or no close code.
    """
    text = take(message, "text", str)
    binary = take(message, "bytes", bytes)
    if text is not None and binary is not None:
        return [Ignore("has both 'text' and 'bytes'")]
    payload = binary if text is None else text
    actions: list[Action] = [] if payload is None else [Send(payload)]
    close = message.get("close")
    if close is None or close is False:
        return actions
    return [*actions, Close(_read_close_code(close), take(message, "reason", str) or "")]


def _read_accept(message: Message) -> Accept:
    fields = tuple(read_header(header) for header in take(message, "headers", list) or [])
    for name, _ in fields:
        if name.lower().startswith(OURS):
            raise BadReply("headers", f"holds {name!r}, which the server writes itself")
    kept = tuple(field for field in fields if field[0].lower() not in LEFT_OUT)
    return Accept(take(message, "subprotocol", str) or "", kept)


def _read_denial(message: Message) -> Deny:
    status = take(message, "status", int)
    if status is not None and not 400 <= status <= 599:
        raise BadReply("status", f"is {status}, which refuses nothing: 400 to 599")
    return Deny(status or FORBIDDEN)


def _read_close_code(close: object) -> int:
    if close is True:
        return 1000
    if isinstance(close, int) and is_close_code(close):
        return close
    raise BadReply("close", f"is {close!r:.80}, which is neither a bool nor a close code that may be sent")
