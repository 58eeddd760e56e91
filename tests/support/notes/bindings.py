"""The binding of notes, and the WebSocket that it is on. Import it after Django is set up."""

from __future__ import annotations

from typing import Any

from support.notes.models import Note
from zmqlayer.worker.binding.websockets import WebsocketBinding
from zmqlayer.worker.generic.websockets import WebsocketDemultiplexer


class NoteBinding(WebsocketBinding):
    """Who looks at a board hears of its notes, and may change them."""

    model = Note
    stream = "notes"
    fields = ("board", "title", "text", "stars", "weight", "due", "picture", "tags")
    channel_session_user = False

    @classmethod
    def group_names(cls, instance: Note) -> list[str]:
        """One group for each board."""
        return [f"board-{instance.board_id}"]

    def has_permission(self, user: Any, action: str, pk: Any) -> bool:
        """Let everybody do everything, but delete the note with the key 1."""
        return (action, pk) != ("delete", 1)


class BoardSocket(WebsocketDemultiplexer):
    """The WebSocket of a page that shows a board."""

    consumers = {"notes": NoteBinding.consumer}  # noqa: RUF012  # as users write it

    def connection_groups(self, **kwargs: Any) -> list[str]:
        """The group of the board."""
        return [f"board-{kwargs['board']}"]
