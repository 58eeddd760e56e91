"""Whose content leaves next on an HTTP/2 connection: streams take turns of one frame each. ``http2`` drives it."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from zmqlayer.interface.clients.http2_conduct import Conduct
from zmqlayer.interface.clients.http2_machine import Machine
from zmqlayer.interface.clients.http2_stream import Http2Stream

__all__ = ["Turns"]

TURN_SIZE: Final = 16_384
"""Bytes of one turn: the frame that every client takes (RFC 9113, 4.2)."""


class Outlet(Protocol):
    """The connection, as the turns see it."""

    @property
    def may_write(self) -> bool: ...
    def flush(self) -> None: ...
    def now(self) -> float: ...
    def answered(self, stream: Http2Stream) -> None: ...


class Turns:
    """The streams that have something to send."""

    def __init__(self, machine: Machine, conduct: Conduct, outlet: Outlet) -> None:
        self._machine = machine
        self._conduct = conduct
        self._outlet = outlet
        self._queue: deque[Http2Stream] = deque()
        self._is_running = False

    def join(self, stream: Http2Stream) -> None:
        """Give *stream* a turn if it has content, or end it if it has none and is answered; then call :meth:`run`."""
        if stream.is_answered:
            self._machine.end_stream(stream.stream_id)
            self._outlet.answered(stream)
        elif stream.has_content and not stream.is_queued:
            stream.is_queued = True
            self._queue.append(stream)

    def run(self) -> None:
        """Send what the client's windows allow, until the client takes no more."""
        if self._is_running:
            return
        self._is_running = True
        while self._queue and self._may_send():
            self._serve(self._queue.popleft())
        self._is_running = False

    def _may_send(self) -> bool:
        if not self._outlet.may_write:
            return False
        if self._machine.outbound_flow_control_window > 0:
            return True
        for stream in self._queue:
            stream.stall()
        return False

    def _serve(self, stream: Http2Stream) -> None:
        stream.is_queued = False
        if not stream.has_content:  # reset meanwhile
            return
        wished = min(stream.waiting_size, TURN_SIZE)
        room = min(wished, self._machine.local_flow_control_window(stream.stream_id))
        if room <= 0:  # joins again when its window opens
            stream.stall()
            return
        content = stream.take(room)
        is_last = stream.is_answered
        self._machine.send_data(stream.stream_id, content, end_stream=is_last)
        if len(content) == wished:
            self._conduct.count_content()
        self._outlet.flush()
        if is_last:
            self._outlet.answered(stream)
        elif stream.has_content:
            self.join(stream)
