"""The table of the delay server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import ClassVar

from django.conf import settings
from django.db import models

from zmqlayer.messages import Message as Content
from zmqlayer.names import MAX_NAME_LENGTH, ChannelName
from zmqlayer.worker.delay.delayed import Delayed
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER

__all__ = ["DelayedMessage", "DelayedMessages"]


class DelayedMessages(models.QuerySet["DelayedMessage"]):
    """Rows of the table."""

    def is_due(self, now: datetime | None = None) -> DelayedMessages:
        """Return those that are due at *now*, the oldest first."""
        return self.filter(due_date__lte=_stored(now or datetime.now(UTC))).order_by("due_date")

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
            due_date=_stored(due_at),
        )


class DelayedMessage(models.Model):
    """
    A message that waits until it is due.

    Attributes:
        key: Made by who inserts the row, so that an insert whose outcome is unknown can be tried again.
        alias: Which of ``CHANNEL_LAYERS`` it is sent to.
        content: The message as msgpack.
        tries: How often the channel was full.
        due_date: In UTC, with and without ``USE_TZ``.
    """

    key: models.UUIDField[uuid.UUID, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alias: models.CharField[str, str] = models.CharField(max_length=100, default=DEFAULT_CHANNEL_LAYER)
    channel_name: models.CharField[str, str] = models.CharField(max_length=MAX_NAME_LENGTH)
    content: models.BinaryField[bytes, bytes] = models.BinaryField()
    tries: models.PositiveSmallIntegerField[int, int] = models.PositiveSmallIntegerField(default=0)
    due_date: models.DateTimeField[datetime, datetime] = models.DateTimeField()

    objects = DelayedMessages.as_manager()

    class Meta:
        app_label = "zmqlayer_delay"
        indexes: ClassVar = [models.Index(fields=["alias", "due_date"], name="zmqlayer_delay_due")]

    def __str__(self) -> str:
        return f"for {self.channel_name} at {self.due_date}"

    @property
    def message(self) -> Content:
        """
        The message that will be sent.

        Raises:
            ProtocolError: The row does not hold one.
        """
        return self.delayed().content()

    def due_at(self) -> datetime:
        """Return when the message is due, in UTC."""
        return self.due_date.replace(tzinfo=UTC) if self.due_date.tzinfo is None else self.due_date

    def delayed(self) -> Delayed:
        """Return the row as a value."""
        return Delayed(ChannelName(self.channel_name), bytes(self.content), self.tries, self.key)


def _stored(moment: datetime) -> datetime:
    """Return *moment* as the table has it: in UTC, and without saying so where ``USE_TZ`` is off."""
    return moment if settings.USE_TZ else moment.astimezone(UTC).replace(tzinfo=None)
