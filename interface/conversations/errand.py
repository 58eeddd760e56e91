"""
A request's message on its way to a worker: waits for the first worker, and hears if the message is lost.

Used by ``http.py``. Without a worker nothing is sent: a message in the queue could be answered with 503 here and be
executed by a worker later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from zmqlayer.exceptions import ChannelFull, MessageTooLarge, ZmqLayerError
from zmqlayer.interface.clients.pages import too_large
from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.escaping import log_of
from zmqlayer.interface.options import Context
from zmqlayer.messages import HTTP_REQUEST, HttpRequest, Message
from zmqlayer.ports import Entrusted, Loss

__all__ = ["LOOK_EVERY_S", "Errand"]

logger = log_of(__name__)

LOOK_EVERY_S: Final = 0.25
"""How often a request looks whether there is a worker now."""


class Errand:
    """
    One message to ``http.request``.

    Exactly one of *sent* and *refused* is called, perhaps inside :meth:`begin`, unless :meth:`forget` comes first. Once
    the message is refused, released or forgotten nobody is called any more.

    Args:
        sent: Called when a worker may have the message.
        refused: Called with status and sentence when the message cannot be sent.
        lost: Called when the message was sent, and will not be answered.

    Attributes:
        is_waiting: Whether there is no worker yet.
    """

    __slots__ = (
        "_context",
        "_deadline",
        "_entrusted",
        "_lost",
        "_message",
        "_refused",
        "_sent",
        "_timer",
        "is_waiting",
    )

    def __init__(
        self,
        context: Context,
        sent: Callable[[], None],
        refused: Callable[[int, str], None],
        lost: Callable[[Loss], None],
    ) -> None:
        self.is_waiting = False
        self._context = context
        self._sent = sent
        self._refused = refused
        self._lost = lost
        self._message: HttpRequest | None = None
        self._entrusted: Entrusted | None = None
        self._timer = Countdown(context.reactor)
        self._deadline = 0.0

    def begin(self, message: HttpRequest) -> None:
        """Send *message*, now or when there is a worker."""
        if self._context.layer.has_reader(HTTP_REQUEST):
            self._send(message, is_patient=False)
            return
        self.is_waiting = True
        self._message = message
        self._deadline = self._context.reactor.seconds() + self._context.options.worker_timeout_s
        self._look_later()

    def forget(self) -> None:
        """Nobody waits for the answer any more, or it comes from somebody else. May be called twice."""
        if (entrusted := self.release()) is not None:
            entrusted.withdraw()

    def release(self) -> Entrusted | None:
        """
        Return the message, if it was sent, for the caller to withdraw: as :meth:`forget` in all else.

        A request that no worker has begun leaves the queue. Else clients that ask and go would fill it for others.
        """
        self._stop_waiting()
        self._sent = self._refused = self._lost = _ignore
        entrusted, self._entrusted = self._entrusted, None
        return entrusted

    def _send(self, message: HttpRequest, *, is_patient: bool) -> None:
        try:
            entrusted = self._context.layer.entrust(HTTP_REQUEST, cast(Message, message), self._lost)
        except ChannelFull as exc:
            if is_patient:
                self._look_later()
            else:
                self._refuse(503, "Too many requests are waiting for a worker. Please try again.", exc)
        except MessageTooLarge as exc:
            self._refuse(413, too_large(exc.limit), exc)
        except ZmqLayerError as exc:
            self._refuse(503, "This server is not connected to its workers. Please try again.", exc)
        else:
            self._stop_waiting()
            self._entrusted = entrusted
            self._sent()

    def _look(self) -> None:
        """Look again whether there is a worker. One that has just come may have a long queue at once."""
        assert self._message is not None  # kept while it waits
        is_late = self._context.reactor.seconds() >= self._deadline
        if self._context.layer.has_reader(HTTP_REQUEST):
            self._send(self._message, is_patient=not is_late)
        elif is_late:
            waited_s = self._context.options.worker_timeout_s
            self._refuse(503, f"This server has known no worker for {waited_s:g} seconds. Please try again.")
        else:
            self._look_later()

    def _look_later(self) -> None:
        self._timer.start(LOOK_EVERY_S, self._look)

    def _refuse(self, status: int, sentence: str, exc: ZmqLayerError | None = None) -> None:
        if exc is not None:
            logger.debug("%d: %s", status, exc)
        self._stop_waiting()
        self._refused(status, sentence)

    def _stop_waiting(self) -> None:
        if self.is_waiting:
            self.is_waiting = False
            self._message = None
            self._timer.stop()


def _ignore(*_: object) -> None:
    """Call nobody. Who asked knows the errand, and a circle of the two would wait for the collector."""
