"""What a room is called, and what is posted into it. Pure values; all that posts uses them."""

from __future__ import annotations

import os
from typing import Any, Final

__all__ = ["NAME_LENGTH", "ROOM", "TEXT_LENGTH", "group_of", "post"]

ROOM: Final = r"(?P<room>[a-z0-9-]{1,40})"
NAME_LENGTH: Final = 30
TEXT_LENGTH: Final = 500


def group_of(room: str) -> str:
    """Return the name of the group whose members are the WebSockets in *room*."""
    return f"room.{room}"


def post(kind: str, name: str, text: str) -> dict[str, Any]:
    """
    Return the message that shows *text* in a room: ``group_send`` it to the room's group.

    Args:
        kind: ``"said"``, ``"rolled"`` or ``"notice"``: how the page shows it.
        name: Who posts.
    """
    return {
        "type": "room.post",  # Channels calls RoomConsumer.room_post
        "kind": kind,
        "name": name.strip()[:NAME_LENGTH] or "Guest",
        "text": text.strip()[:TEXT_LENGTH],
        "process": os.getpid(),
    }
