"""``manage.py notify``: post a notice into a room from a process that serves nothing, and end."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.management.base import BaseCommand, CommandParser

from rooms.posts import group_of, post

__all__ = ["Command"]


class Command(BaseCommand):
    """Post a notice into a room."""

    help = "Post a notice into a room."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the room and the words."""
        parser.add_argument("room")
        parser.add_argument("text")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send it to the room's group; the layer hands it over before the process ends."""
        layer = get_channel_layer()
        async_to_sync(layer.group_send)(group_of(options["room"]), post("notice", "A command", options["text"]))
