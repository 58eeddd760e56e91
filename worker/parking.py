"""
Messages of a connection that wait for their turn, in rows next to its channel session.

For the place of each message among those of its connection there is at most one row, which two sides want to write: the
message itself, if it comes too early, to be kept there; and the end of the message before, to leave word that the turn
has come. The engine lets one of them create the row. The other finds it, removes it, and acts: the message is consumed
at once, or it is sent on to its channel. So no message is asked for again and again, none is consumed twice, and no two
workers change the same row.

Pure storage: no waiting here. Used by :mod:`zmqlayer.worker.ordering` and :mod:`zmqlayer.worker.overdue`.
"""

from __future__ import annotations

import base64
from typing import Any, Final, NamedTuple

from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.messages import Message as Content
from zmqlayer.worker.exceptions import StopConsumer
from zmqlayer.worker.stores import Row, channel_store, connection_key

__all__ = ["TURN", "Parked", "Place", "Waiting"]

TURN: Final = "__turn__"
"""In a message: everything before it is consumed, or lost."""
LOOKS: Final = 10
KEPT_S: Final = 3600
"""After this long a row that nobody wants any more counts as expired."""


class Parked(StopConsumer):
    """Ends the run for a message that waits now. It will be consumed later."""


class Waiting(NamedTuple):
    """A message that was kept, and the channel it came on."""

    channel: str
    content: Content


class Place(NamedTuple):
    """The place of one message among those of its connection."""

    reply_channel: str
    order: int

    def claim(self, channel: str, content: Content) -> bool:
        """
        Say that the message of this place is here. True if it is its turn; else it is kept, until someone calls it.

        Raises:
            ImproperlyConfigured: The session engine keeps sessions in cookies.
        """
        row = self._row()
        if not row.read():
            kept = {"channel": channel, "content": _to_text({**content, TURN: True})}
            if row.insert({**_expiring(), **kept}):
                return False
            # The word came meanwhile; or a cache does not keep what is so large: better too early than never.
        row.remove()
        return True

    def call(self) -> Waiting | None:
        """Say that it is this place's turn. Returns its message, to be sent on, if it has been waiting."""
        # Files exist for a moment before there is something in them.
        for _ in range(LOOKS):
            if self._row().insert({**_expiring(), TURN: True}):
                break
            waiting = self.take()
            if waiting is not None:
                return waiting
        return None

    def take(self, *, insist: bool = False) -> Waiting | None:
        """
        Return the message that waits here, if there is one; of several that try, one gets it.

        Args:
            insist: Do not mind that somebody else is about to take it: they died over it.
        """
        lock, row = self._row("lock"), self._row()
        if not lock.insert(_expiring()) and not insist:
            return None
        kept = row.read()
        is_waiting = "content" in kept
        if is_waiting:
            row.remove()
        lock.remove()
        return Waiting(kept["channel"], _from_text(kept["content"])) if is_waiting else None

    def is_taken(self) -> bool:
        """Whether its message waits here."""
        return "content" in self._row().read()

    def forget(self) -> None:
        """Remove what was written for this place."""
        self._row().remove()

    def _row(self, what: str = "turn") -> Row:
        return channel_store(Row, connection_key(f"{self.reply_channel} {what} {self.order}"))


def _expiring() -> dict[str, Any]:
    return {"_session_expiry": KEPT_S}


# Sessions are JSON, where messages hold bytes.
def _to_text(content: Content) -> str:
    return base64.b85encode(pack_control(content)).decode()


def _from_text(text: str) -> Content:
    return unpack_control(base64.b85decode(text))
