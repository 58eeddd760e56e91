"""
The life of an open WebSocket: when its client is pinged, and when it is given up. One timer for each socket.

Only quiet clients are pinged: any byte of a client shows that it is there. While we do not read, because a worker must
take a message first, nobody waits for a pong; while the client does not read, no ping is sent, since it would only lie
behind everything else.
"""

from __future__ import annotations

from typing import Protocol

from zmqlayer.interface.clients.taking import TOLERANCE_S, Taking
from zmqlayer.interface.options import Reactor, ServerOptions, Timer

__all__ = ["Heartbeat", "Patient"]


class Patient(Protocol):
    """An open WebSocket, as its heartbeat sees it."""

    is_paused: bool

    @property
    def untaken_size(self) -> int:
        """How many bytes the client has not taken yet of what was written."""

    def ping(self) -> None:
        """Send a ping."""

    def expire(self) -> None:
        """It is as old as it may become: close it."""

    def cut(self, fault: str = "") -> None:
        """
        Abort the connection.

        Args:
            fault: What the client did wrong; empty if it is just gone.
        """


class Heartbeat:
    """What is known about one client's life. Call :meth:`start` once, and :meth:`stop` in the end."""

    __slots__ = ("_heard_at", "_opened_at", "_options", "_patient", "_pinged_at", "_reactor", "_taking", "_timer")

    def __init__(self, patient: Patient, options: ServerOptions, reactor: Reactor) -> None:
        self._patient = patient
        self._options = options
        self._reactor = reactor
        self._opened_at = 0.0
        self._heard_at = 0.0
        self._pinged_at: float | None = None
        self._taking: Taking | None = None
        self._timer: Timer | None = None

    def start(self) -> None:
        """The WebSocket is open."""
        self._opened_at = self._heard_at = self._reactor.seconds()
        self._plan(self._opened_at)

    def stop(self) -> None:
        """It is closing: there is a limit to that elsewhere. May be called twice."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def heard(self) -> None:
        """The client sent something; or could have, but we did not listen."""
        self._heard_at = self._reactor.seconds()

    def congested(self) -> None:
        """The client has not taken all that was written; from now on it is to take something."""
        now = self._reactor.seconds()
        self._taking = Taking(self._options.write_timeout_s, self._patient.untaken_size, now)
        if self._timer is not None:
            self._plan(now)

    def relieved(self) -> None:
        """The client took everything."""
        self._taking = None
        self.heard()

    def _beat(self) -> None:
        now = self._reactor.seconds()
        if now >= self._end_of_life - TOLERANCE_S:
            self._patient.expire()
            return
        if self._taking is not None:
            if self._taking.look(self._patient.untaken_size, now):
                self._patient.cut("a WebSocket client that takes nothing of what is sent to it")
                return
        elif self._patient.is_paused:
            self._pinged_at, self._heard_at = None, now
        elif self._is_dead(now):
            self._patient.cut()
            return
        self._plan(now)

    def _is_dead(self, now: float) -> bool:
        """Whether the client has not answered a ping; one that is quiet gets one."""
        if self._pinged_at is not None and self._pinged_at > self._heard_at:
            return now >= self._pinged_at + self._options.ping_timeout_s - TOLERANCE_S
        self._pinged_at = None
        if self._options.ping_interval_s and now >= self._heard_at + self._options.ping_interval_s - TOLERANCE_S:
            self._patient.ping()
            if self._options.ping_timeout_s:
                self._pinged_at = now
            else:
                self._heard_at = now
        return False

    def _plan(self, now: float) -> None:
        """Have the timer call for whatever comes first."""
        options = self._options
        due = self._end_of_life
        if self._taking is not None:
            due = min(due, self._taking.next_look(now))
        elif self._pinged_at is not None:
            next_ping, deadline = self._pinged_at + options.ping_interval_s, self._pinged_at + options.ping_timeout_s
            due = min(due, deadline, next_ping if next_ping > now + TOLERANCE_S else deadline)
        elif options.ping_interval_s:
            due = min(due, self._heard_at + options.ping_interval_s)
        self.stop()
        if due < float("inf"):
            self._timer = self._reactor.callLater(max(0.0, due - now), self._beat)

    @property
    def _end_of_life(self) -> float:
        longest_s = self._options.websocket_timeout_s
        return self._opened_at + longest_s if longest_s else float("inf")
