"""
``Overdue``: messages that have waited for their turn too long, since the one before them is lost.

A message that is put aside is called by the end of the one before. If that never comes, because its worker was killed,
somebody has to notice: the process that put the message aside looks now and then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from django.db import connections

from zmqlayer.exceptions import ChannelFull
from zmqlayer.ports import Clock
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.layers import WorkerLayer
from zmqlayer.worker.parking import Place
from zmqlayer.worker.patience import Patience

__all__ = ["LONGEST_WAIT_S", "MOST_WAITING", "Overdue", "overdue"]

logger = logging.getLogger(__name__)

LONGEST_WAIT_S: Final = 30.0
LOOK_EVERY_S: Final = 2.0
MOST_WAITING: Final = 10_000
"""How many messages of one connection a process puts aside between two looks."""


@dataclass
class _Connection:
    """
    A connection with messages that were put aside here.

    Attributes:
        orders: Their places.
        head: The first place of all that wait, here or elsewhere, when it was last looked at.
        since: When that came first.
        is_refused: Whether somebody else was about to take the message at the head.
    """

    layer: WorkerLayer
    orders: set[int] = field(default_factory=set)
    head: int | None = None
    since: float = 0.0
    is_refused: bool = False


def _start_thread(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="overdue-messages", daemon=True).start()


class Overdue:
    """
    Lets a connection go on that has stood still for ``LONGEST_WAIT_S``. Safe to use from any thread.

    Args:
        patience: Waits between two looks, and knows the time.
        start: Runs the given function beside the caller, until nothing is left to watch.
    """

    def __init__(self, patience: Patience, start: Callable[[Callable[[], None]], None] = _start_thread) -> None:
        self._patience = patience
        self._start = start
        self._lock = threading.Lock()
        self._connections: dict[str, _Connection] = {}
        self._is_watching = False

    def __repr__(self) -> str:
        return f"<Overdue [{len(self._connections)} connections watched]>"

    @property
    def clock(self) -> Clock:
        """Monotonic seconds."""
        return self._patience.clock

    def watch(self, layer: WorkerLayer, reply_channel: str, order: int) -> None:
        """Have an eye on the message at *order*, which has been put aside."""
        with self._lock:
            self._connections.setdefault(reply_channel, _Connection(layer)).orders.add(order)
            is_first, self._is_watching = not self._is_watching, True
        if is_first:
            self._start(self._run)

    def has_room(self, reply_channel: str) -> bool:
        """Whether one more message of this connection may be put aside."""
        with self._lock:
            connection = self._connections.get(reply_channel)
            return connection is None or len(connection.orders) < MOST_WAITING

    def look(self) -> bool:
        """Look at all connections once, and let go on who has waited too long. False if none is left."""
        with self._lock:
            watched = list(self._connections.items())
        for reply_channel, connection in watched:
            try:
                self._look_at(reply_channel, connection)
            except Exception:
                # The database is away, or a layer is closed: the others still count on us.
                logger.exception("cannot see which messages of %s wait", reply_channel)
        with self._lock:
            self._connections = {name: known for name, known in self._connections.items() if known.orders}
            self._is_watching = bool(self._connections)
            return self._is_watching

    def _run(self) -> None:
        is_needed = True
        while is_needed:
            self._patience.pause(LOOK_EVERY_S)
            is_needed = self.look()
            connections.close_all()

    def _look_at(self, reply_channel: str, connection: _Connection) -> None:
        head = self._find_head(reply_channel, connection)
        now = self.clock()
        if head is None:
            return
        if head != connection.head:
            connection.head, connection.since, connection.is_refused = head, now, False
        elif now - connection.since >= LONGEST_WAIT_S:
            self._go_on(Place(reply_channel, head), connection)

    def _find_head(self, reply_channel: str, connection: _Connection) -> int | None:
        """Return the first place of those that wait one behind the other; forget those that do not wait any more."""
        with self._lock:
            orders = sorted(connection.orders)
        for order in orders:
            if Place(reply_channel, order).is_taken():
                break
            with self._lock:
                connection.orders.discard(order)
        else:
            return None
        while Place(reply_channel, order - 1).is_taken():
            order -= 1
        return order

    def _go_on(self, place: Place, connection: _Connection) -> None:
        waiting = place.take(insist=connection.is_refused)
        if waiting is None:
            connection.is_refused = True
            return
        logger.warning(
            "message %d of %s was not consumed within %g s, or is lost: going on without it",
            place.order - 1, place.reply_channel, LONGEST_WAIT_S,
        )  # fmt: skip
        channel = Channel(waiting.channel, channel_layer=connection.layer)
        try:
            self._patience.insist(partial(channel.deliver, waiting.content), self.clock() + self._patience.flush_s)
        except ChannelFull as exc:
            logger.warning("dropped a message that had waited for its turn: %s", exc)


overdue: Final = Overdue(Patience(time.monotonic))
"""What this process watches."""
