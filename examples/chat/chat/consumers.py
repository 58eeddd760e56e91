"""
The WebSocket side of a room: three functions, each of which may run in another worker than the last.

What must be remembered about a socket (its name) is in the channel session; nothing is kept in the process.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from chat.models import Message
from chat.protocol import Refused, Rename, clean_name, encode, parse
from chat.rooms import group_of
from chat.served import Served
from zmqlayer.worker import Group
from zmqlayer.worker import Message as ChannelMessage
from zmqlayer.worker.exceptions import DenyConnection
from zmqlayer.worker.sessions import channel_session

__all__ = ["chat_connect", "chat_disconnect", "chat_receive"]


@channel_session
def chat_connect(message: ChannelMessage, room: str) -> None:
    """Let a socket in: remember its name, add it to the room's group, and send what it missed."""
    if not is_same_site(message["headers"]):
        raise DenyConnection
    query = parse_qs(message.get("query_string", b"").decode("ascii", "replace"))
    name = clean_name(query.get("name", [""])[0])
    message.channel_session["name"] = name
    # First into the group, then read: what is said in between comes twice, and the page shows it once.
    Group(group_of(room)).add(message.reply_channel)
    missed = Message.history(room, after=_whole_number(query.get("after", ["0"])[0]))
    answer = {"type": "welcome", "name": name, "missed": [said.as_dict() for said in missed]}
    _reply(message, answer, accept=True)


@channel_session
def chat_receive(message: ChannelMessage, room: str) -> None:
    """Save what was said, confirm it to the sender, and tell the room."""
    try:
        wish = parse(message.get("text"))
    except Refused as refusal:
        _reply(message, {"type": "refused", "reason": str(refusal), "key": refusal.key})
        return
    if isinstance(wish, Rename):
        message.channel_session["name"] = wish.name
        _reply(message, {"type": "named", "name": wish.name})
        return
    name = clean_name(message.channel_session.get("name", ""))
    said = Message.save_once(room, name, wish, Served.by(message.reply_channel.name))
    _reply(message, {"type": "receipt", "key": said.key, "id": said.pk})
    Group(group_of(room)).send({"text": encode({"type": "message", **said.as_dict()})})


@channel_session
def chat_disconnect(message: ChannelMessage, room: str) -> None:
    """Take a closed socket out of the room's group."""
    Group(group_of(room)).discard(message.reply_channel)


def is_same_site(headers: list[list[bytes]]) -> bool:
    """Whether a handshake comes from a page of this host, or from no page at all (curl, scripts)."""
    fields = {bytes(name): bytes(value) for name, value in headers}
    if b"origin" not in fields:
        return True
    return urlsplit(fields[b"origin"]).netloc.lower() == fields.get(b"host", b"").lower()


def _reply(message: ChannelMessage, answer: dict[str, Any], **frame: Any) -> None:
    served = Served.by(message.reply_channel.name).as_dict()
    message.reply_channel.send({**frame, "text": encode({**answer, **served})})


def _whole_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
