"""What a room may be called. Pure text; URLs, WebSocket routes and the form all use it."""

from __future__ import annotations

from typing import Final

from django.utils.text import slugify

__all__ = ["ROOM_NAME", "ROOM_NAME_LENGTH", "group_of", "room_name_from"]

ROOM_NAME_LENGTH: Final = 40
ROOM_NAME: Final = r"[a-z0-9](?:[a-z0-9-]{0,39})"
"""A room's name as it stands in a path. Every such name is also legal in a group's name."""


def room_name_from(title: str) -> str:
    """
    Return the room name that a typed *title* means; empty where it holds no letter or digit of ASCII.

    >>> room_name_from("  Sunday plans! ")
    'sunday-plans'
    """
    return slugify(title).replace("_", "-").strip("-")[:ROOM_NAME_LENGTH].rstrip("-")


def group_of(room: str) -> str:
    """Return the name of the group whose members are the WebSockets in *room*."""
    return f"chat.{room}"
