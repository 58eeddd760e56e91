"""Rooms and what was said in them. Written by any worker, so that each can tell the whole history."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import models

from chat.protocol import NAME_LENGTH, TEXT_LENGTH, Say
from chat.rooms import ROOM_NAME_LENGTH
from chat.served import Served

__all__ = ["Message", "Room"]

HISTORY: Final = 50
"""Messages that a page gets when it joins."""


class Room(models.Model):
    """A room; it exists from the first visit through the form, or from the first message."""

    name: models.CharField[str, str] = models.CharField(max_length=ROOM_NAME_LENGTH, unique=True)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Message(models.Model):
    """One thing that somebody said, and which processes it went through."""

    room: models.ForeignKey[Room, Room] = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages")
    key: models.CharField[str, str] = models.CharField(max_length=36)
    name: models.CharField[str, str] = models.CharField(max_length=NAME_LENGTH)
    text: models.CharField[str, str] = models.CharField(max_length=TEXT_LENGTH)
    server: models.CharField[str, str] = models.CharField(max_length=8, blank=True)
    worker: models.CharField[str, str] = models.CharField(max_length=8, blank=True)
    sent_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["room", "key"], name="one_message_per_key"),)

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"

    @classmethod
    def save_once(cls, room: str, name: str, say: Say, served: Served) -> Message:
        """Save what was said, or return what was saved when the same key came before."""
        home, _ = Room.objects.get_or_create(name=room)
        message, _ = cls.objects.get_or_create(
            room=home,
            key=say.key,
            defaults={
                "name": name,
                "text": say.text,
                "server": served.server or "",
                "worker": served.worker or "",
            },
        )
        return message

    @classmethod
    def history(cls, room: str, after: int = 0) -> list[Message]:
        """Return the newest messages in *room* with an id above *after*, the oldest first; at most 50."""
        newest_first = cls.objects.filter(room__name=room, id__gt=after).order_by("-id")
        return list(newest_first[:HISTORY])[::-1]

    def as_dict(self) -> dict[str, Any]:
        """Return what a page shows of this message."""
        return {
            "id": self.pk,
            "key": self.key,
            "name": self.name,
            "text": self.text,
            "server": self.server or None,
            "worker": self.worker or None,
            "sent_at": self.sent_at.isoformat(),
        }
