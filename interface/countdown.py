"""One timer at a time, for parts of the server that wait for one thing after the other."""

from __future__ import annotations

from collections.abc import Callable

from zmqlayer.interface.options import Reactor, Timer

__all__ = ["Countdown"]


class Countdown:
    """A timer that is started anew, or stopped, whatever became of it before."""

    __slots__ = ("_reactor", "_timer")

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._timer: Timer | None = None

    @property
    def is_running(self) -> bool:
        """Whether a call is to come."""
        return self._timer is not None and self._timer.active()

    def start(self, delay_s: float, call: Callable[[], object]) -> None:
        """Call *call* in *delay_s* seconds, in place of what was to come."""
        self.stop()
        self._timer = self._reactor.callLater(delay_s, call)

    def stop(self) -> None:
        """Call nothing."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
