"""Invitations: a worker names the channel where it wants to hear what else happens to a connection. Pure."""

from __future__ import annotations

from zmqlayer.exceptions import InvalidName
from zmqlayer.interface.conversations.replies import BadReply
from zmqlayer.messages import Message
from zmqlayer.names import check_channel, owner_of

__all__ = ["read_invitation"]


def read_invitation(message: Message) -> str | None:
    """
    Return the channel that *message* names for the connection's further events; None if it names none.

    Raises:
        BadReply: It is no process channel.
    """
    channel = message.get("events_channel")
    if channel is None:
        return None
    try:
        if owner_of(check_channel(channel)) is None:
            raise BadReply("events_channel", f"is {channel!r:.80}, which is no process's own")
    except InvalidName as exc:
        raise BadReply("events_channel", f"is {channel!r:.80}, which is no channel name") from exc
    return str(channel)
