"""
The store in the database: delayed messages outlive the delay server, and several servers may share one table.

A row is deleted before its message is sent, and only who deleted it sends it: at most once. They are taken one by
one, so a server that dies loses one message at most. Where the database can pass over rows that others have locked,
servers never wait for each other; elsewhere (SQLite) a row that is gone when it is to be deleted is another server's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connections, router, transaction

from zmqlayer.ports import Clock
from zmqlayer.worker.delay.delayed import Delayed
from zmqlayer.worker.delay.models import DelayedMessage, DelayedMessages
from zmqlayer.worker.delay.stores import StoreUnavailable

__all__ = ["BATCH", "DatabaseStore", "utc_now"]

BATCH: Final = 100
"""How many rows are read at once where they cannot be locked."""

LEAST_WAIT_S: Final = 0.02
"""Between looks at rows that are due and locked by another server, which is about to delete them."""


def utc_now() -> datetime:
    """Return the time of day, in UTC."""
    return datetime.now(UTC)


class DatabaseStore:
    """
    Keeps messages in the table of :class:`~zmqlayer.worker.delay.models.DelayedMessage`.

    The table is read when the next message is due, and otherwise every *sleep_s* seconds, for the sake of rows
    that others have inserted or removed and of a wall clock that has jumped.

    Args:
        alias: Only messages for this layer are taken.
        sleep_s: Longest time between looks at the table, in seconds.
        clock: Monotonic seconds.
        now: The time of day in UTC, which the table's dates are compared with.
    """

    is_full: Final = False

    def __init__(self, alias: str, sleep_s: float, clock: Clock, now: Callable[[], datetime] = utc_now) -> None:
        self.alias = alias
        self.sleep_s = sleep_s
        self.clock = clock
        self.now = now
        self._look_at = clock()
        self._using = router.db_for_write(DelayedMessage)

    def __repr__(self) -> str:
        return f"<DatabaseStore of {self.alias!r} in {self._using!r} [looks in {self.wait_s():.3f} s]>"

    def check(self) -> None:
        """
        See that the table is there.

        Raises:
            StoreUnavailable: It is not; the sentence names the cure.
        """
        try:
            self._rows().exists()
        except DatabaseError as exc:
            cure = "run 'manage.py migrate', or use --memory"
            raise StoreUnavailable(f"{_first_line(exc)}; {cure}") from exc

    def add(self, delayed: Delayed, after_s: float) -> None:
        """
        Insert *delayed*, due in *after_s* seconds. May be called again with what may have been stored already.

        Raises:
            StoreUnavailable: It may not have been stored.
        """
        # The key is taken if an earlier try had reached the table and only its answer was lost.
        with self._reached(), suppress(IntegrityError):
            self._rows().keep(delayed, self.now() + timedelta(seconds=after_s), self.alias)
        self._look_at = min(self._look_at, self.clock() + after_s)

    def take(self) -> Iterator[Delayed]:
        """
        Delete the rows that are due and yield their messages, if it is time to look.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        while self.clock() >= self._look_at:
            due_in_s = self._due_in_s()
            if due_in_s > 0:
                self._look_at = self.clock() + min(due_in_s, self.sleep_s)
                return
            n_taken = 0
            for row in self._claimed():
                n_taken += 1
                yield row.delayed()
            if not n_taken:
                self._look_at = self.clock() + LEAST_WAIT_S

    def wait_s(self) -> float:
        """Return in how many seconds to look at the table again."""
        return max(0.0, self._look_at - self.clock())

    def close(self) -> None:
        """Close this thread's connections."""
        connections.close_all()

    def _rows(self) -> DelayedMessages:
        return DelayedMessages(DelayedMessage, using=self._using)

    def _own(self) -> DelayedMessages:
        return self._rows().filter(alias=self.alias)

    def _due_in_s(self) -> float:
        with self._reached():
            first = self._own().order_by("due_us").only("due_us").first()
        if first is None:
            return self.sleep_s
        return (first.due_date - self.now()).total_seconds()

    def _claimed(self) -> Iterator[DelayedMessage]:
        if connections[self._using].features.has_select_for_update_skip_locked:
            return iter(self._claim_unlocked, None)
        return self._claim_those_left()

    def _claim_unlocked(self) -> DelayedMessage | None:
        with self._reached(), transaction.atomic(using=self._using):
            row = self._own().is_due(self.now()).select_for_update(skip_locked=True).first()
            return row if row is not None and self._delete(row) else None

    def _claim_those_left(self) -> Iterator[DelayedMessage]:
        with self._reached():
            rows = list(self._own().is_due(self.now())[:BATCH])
        for row in rows:
            with self._reached():
                is_ours = self._delete(row)
            if is_ours:
                yield row

    def _delete(self, row: DelayedMessage) -> bool:
        """Delete *row*, unless another server was faster."""
        n_deleted, _ = self._rows().filter(key=row.key).delete()
        return n_deleted > 0

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as exc:
            # A connection that the server has ended is of no more use; the next try opens another.
            connections[self._using].close_if_unusable_or_obsolete()
            raise StoreUnavailable(_first_line(exc)) from exc


def _first_line(exc: Exception) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]
