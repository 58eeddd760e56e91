"""The table of the delay server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from django.db import models

from zmqlayer.messages import Message as Content
from zmqlayer.names import MAX_NAME_LENGTH, ChannelName
from zmqlayer.worker.delay.delayed import Delayed
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER

__all__ = ["DelayedMessage", "DelayedMessages"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class DelayedMessages(models.QuerySet["DelayedMessage"]):
    """Rows of the table."""

    def is_due(self, now: datetime | None = None) -> DelayedMessages:
        """Return those that are due at *now*, the oldest first."""
        return self.filter(due_us__lte=_microseconds(now or datetime.now(UTC))).order_by("due_us")

    def keep(self, delayed: Delayed, due_at: datetime, alias: str = DEFAULT_CHANNEL_LAYER) -> DelayedMessage:
        """
        Insert a message that is due at *due_at*, which knows its time zone.

        In a transaction it is delayed only if the transaction commits.
        """
        return self.create(
            key=delayed.key,
            alias=alias,
            channel_name=delayed.channel,
            content=delayed.body,
            tries=delayed.tries,
            due_us=_microseconds(due_at),
        )


class DelayedMessage(models.Model):
    """
    A message that waits until it is due.

    Attributes:
        key: Made by who inserts the row, so that an insert whose outcome is unknown can be tried again.
        alias: Which of ``CHANNEL_LAYERS`` it is sent to.
        content: The message as msgpack.
        tries: How often the channel was full.
        due_us: Microseconds from the beginning of 1970, UTC. A number, since without ``USE_TZ`` databases read dates
            as local time, which jumps.
    """

    key: models.UUIDField[uuid.UUID, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alias: models.CharField[str, str] = models.CharField(max_length=100, default=DEFAULT_CHANNEL_LAYER)
    channel_name: models.CharField[str, str] = models.CharField(max_length=MAX_NAME_LENGTH)
    content: models.BinaryField[bytes, bytes] = models.BinaryField()
    tries: models.PositiveSmallIntegerField[int, int] = models.PositiveSmallIntegerField(default=0)
    due_us: models.BigIntegerField[int, int] = models.BigIntegerField()

    objects = DelayedMessages.as_manager()

    class Meta:
        app_label = "zmqlayer_delay"
        indexes: ClassVar = [models.Index(fields=["alias", "due_us"], name="zmqlayer_delay_due")]

    def __str__(self) -> str:
        return f"for {self.channel_name} at {self.due_date}"

    @property
    def due_date(self) -> datetime:
        """When the message is due, in UTC."""
        return EPOCH + self.due_us * MICROSECOND

    @property
    def message(self) -> Content:
        """
        The message that will be sent.

        Raises:
            ProtocolError: The row does not hold one.
        """
        return self.delayed().content()

    def delayed(self) -> Delayed:
        """Return the row as a value."""
        return Delayed(ChannelName(self.channel_name), bytes(self.content), self.tries, self.key)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
