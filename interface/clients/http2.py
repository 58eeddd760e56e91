"""
HTTP/2 on one connection (RFC 9113): any number of requests at a time, each on a stream of its own.

Bytes are cut into frames (``http2_frames``), frames are weighed (``http2_conduct``), h2 turns them into events
(``http2_machine``), and the requests take these (``http2_requests``). Decided here is when the connection ends, and
how: a client that breaks the rules is told which, and one that does not is given time. Nothing is pushed, and WebSocket
over HTTP/2 (RFC 8441) is not offered.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final

from h2.errors import ErrorCodes
from h2.events import Event, PingAckReceived
from h2.exceptions import ProtocolError

from zmqlayer.interface.clients.alarm import Alarm
from zmqlayer.interface.clients.http2_conduct import Conduct
from zmqlayer.interface.clients.http2_frames import BadFrames, Frame, FrameReader, Kind, encode_goaway
from zmqlayer.interface.clients.http2_machine import Machine
from zmqlayer.interface.clients.http2_requests import Requests
from zmqlayer.interface.clients.pace import NEVER
from zmqlayer.interface.clients.wire import Origin, Wire
from zmqlayer.interface.options import Context

__all__ = ["Http2"]

LAST_STREAM: Final = 2**31 - 1
GOAWAY_SIZE: Final = 8
ROUND_TRIP: Final = b"zmqlayer"
"""What our PING holds."""
ROUND_TRIP_S: Final = 1.0
"""How long a client that is told of the end may still open streams, if it does not answer our PING."""
LINGER_S: Final = 2.0
"""How long a client has to read why its connection is broken off. Closing at once could take that from its hands."""
LINGER_SIZE: Final = 1_048_576
"""How many bytes it may send meanwhile; then it has to wait."""
MAX_SURPLUS: Final = 65_536
"""Bytes that are written although the client takes none: short answers, which no window holds back."""


class Phase(IntEnum):
    """How far a connection is. It only moves forward."""

    NEW = auto()
    OPEN = auto()
    LEAVING = auto()  # the client is told, but did not know when it sent what arrives
    LAST = auto()  # no new streams
    OVER = auto()  # nothing is read or sent


class Http2:
    """One connection: the ``wire.Codec`` of its bytes, and the ``http2_requests.Link`` of its requests."""

    def __init__(self, wire: Wire, context: Context) -> None:
        self.now = context.reactor.seconds
        self._wire = wire
        self._context = context
        self._machine = Machine(context.options)
        self._reader = FrameReader(Machine.max_list_size(context.options))
        self._conduct = Conduct(self.now())
        self._requests = Requests(self, self._machine, self._conduct, context)
        self._alarm = Alarm(context.reactor, self._look)
        self._phase = Phase.NEW
        self._is_reading = False
        self._is_stopping = False
        self._is_left = False  # the client said GOAWAY
        self._idle_since = self.now()
        self._leaving_since = 0.0
        self._unfinished: tuple[int, float] | None = None
        self._unsent: list[bytes] = []
        self._surplus = 0
        self._linger_size = LINGER_SIZE

    def __repr__(self) -> str:
        return f"<Http2 {self._phase.name} [{len(self._requests)} streams]>"

    # What the connection below calls.

    def received(self, data: bytes) -> None:
        """See ``wire.Codec``."""
        if self._phase is Phase.OVER:
            self._throw_away(data)
            return
        if self._phase is Phase.NEW:
            self._begin()
        self._is_reading = True
        try:
            self._read(data)
        except BadFrames as exc:
            self.break_off(exc.fault, exc.code)
        except ProtocolError as exc:
            self.break_off(f"HTTP/2 {exc.error_code.name.replace('_', ' ').lower()}")
        finally:
            self._is_reading = False
        self._requests.send()
        self.flush()

    def ended(self) -> None:
        """See ``wire.Codec``; a connection without a way for our acknowledgements is of no use."""
        self._wire.abort()

    def lost(self) -> None:
        """See ``wire.Codec``."""
        self._phase = Phase.OVER
        self._alarm.cancel()
        self._requests.lose_all()

    def congested(self) -> None:
        """See ``wire.Codec``."""
        self._requests.tell()

    def relieved(self) -> None:
        """See ``wire.Codec``."""
        self._surplus = 0
        self._requests.send()
        self._requests.tell()

    def stop(self) -> None:
        """See ``wire.Codec``."""
        self._is_stopping = True
        self._requests.stop()
        if not self._requests:
            self._leave()

    # What the requests call.

    @property
    def origin(self) -> Origin:
        """Who is connected with whom."""
        return self._wire.origin

    @property
    def is_congested(self) -> bool:
        """Whether the client does not take what was written already."""
        return self._wire.is_congested

    @property
    def may_write(self) -> bool:
        """Whether content may leave now; while frames are read, it waits for the last of them."""
        return not (self._is_reading or self._wire.is_congested)

    @property
    def is_secure(self) -> bool:
        """Whether the connection is TLS."""
        return self._wire.is_secure

    @property
    def is_leaving(self) -> bool:
        """Whether no new streams are wanted."""
        return self._phase >= Phase.LAST

    def expect(self, at: float) -> None:
        """Look at all deadlines at *at* at the latest."""
        if self._phase is not Phase.OVER:
            self._alarm.expect(at)

    def flush(self) -> None:
        """Write what there is to say; while frames are read, that waits for the last of them."""
        if self._is_reading or self._phase is Phase.OVER:
            return
        self.send_raw()
        unsent, self._unsent = self._unsent, []
        if not unsent:
            return
        self._surplus += sum(map(len, unsent)) if self._wire.is_congested else 0
        if self._surplus > MAX_SURPLUS:
            self.break_off("HTTP/2 answers left unread", ErrorCodes.ENHANCE_YOUR_CALM)
        else:
            self._wire.write(unsent)

    def send_raw(self, frame: bytes = b"") -> None:
        """Put a frame that the machine did not make after those that it made."""
        self._unsent += [data for data in (self._machine.data_to_send(), frame) if data]

    def note(self, fault: str) -> None:
        """Count a fault of the client."""
        self._context.faults.note(fault, self._wire.origin.name, self.now())

    def emptied(self) -> None:
        """No stream is open any more."""
        self._idle_since = self.now()
        self.expect(self._idle_since + self._context.options.keep_alive_timeout_s)
        if self._is_stopping:
            self._leave()
        self._close_if_done()

    def break_off(self, fault: str, code: ErrorCodes | None = None) -> None:
        """
        End the connection because of what the client did.

        Args:
            code: For the GOAWAY frame; None if the machine has written one.
        """
        if self._phase is Phase.OVER:
            return
        self.note(fault)
        self.send_raw(b"" if code is None else encode_goaway(self._machine.highest_inbound_stream_id, code))
        self._phase = Phase.OVER
        self._requests.lose_all()
        self._alarm.cancel()
        if self._wire.is_congested:  # the client would never read why
            self._wire.abort()
            return
        self._wire.write(self._unsent)
        self._alarm.expect(self.now() + LINGER_S)

    # Reading.

    def _begin(self) -> None:
        self._phase = Phase.OPEN
        self._machine.initiate_connection()
        self._idle_since = self.now()
        self.expect(self._idle_since + self._context.options.keep_alive_timeout_s)

    def _read(self, data: bytes) -> None:
        self._reader.feed(data)
        for frame in self._reader.frames():
            self._take(frame)
            if self._phase is Phase.OVER:
                return
        self._note_unfinished()

    def _take(self, frame: Frame) -> None:
        """Give a frame to the machine, unless that would misjudge it."""
        now = self.now()
        self._conduct.weigh(frame, now)
        if frame.kind == Kind.GOAWAY:
            self._take_goaway(frame)
            return
        if frame.kind in (Kind.DATA, Kind.RST_STREAM) and frame.stream_id not in self._requests:
            self._conduct.count_idle(now)
        if frame.kind == Kind.RST_STREAM and not self._was_opened(frame.stream_id):
            raise BadFrames(ErrorCodes.PROTOCOL_ERROR, "HTTP/2 protocol error")
        if frame.kind == Kind.HEADERS and frame.stream_id not in self._requests and self._is_stopping:
            self._leave()
        for event in self._machine.receive_data(frame.content):
            self._take_event(event)

    def _take_event(self, event: Event) -> None:
        if not isinstance(event, PingAckReceived):
            self._requests.take(event)
        elif event.ping_data == ROUND_TRIP:
            self._open_no_more()

    def _was_opened(self, stream_id: int) -> bool:
        return stream_id % 2 == 1 and stream_id <= self._machine.highest_inbound_stream_id

    def _take_goaway(self, frame: Frame) -> None:
        """The client opens no more streams; it still waits for those that it has (RFC 9113, 6.8)."""
        if frame.stream_id or frame.size < GOAWAY_SIZE:
            raise BadFrames(ErrorCodes.PROTOCOL_ERROR, "HTTP/2 protocol error")
        self._is_left = True
        self._close_if_done()

    def _note_unfinished(self) -> None:
        """Take note of what the client has begun and not finished, after what it sent was read."""
        unfinished, now = self._reader.unfinished, self.now()
        if unfinished is None:
            self._unfinished = None
        elif self._unfinished is None or self._unfinished[0] != unfinished:
            self._unfinished = (unfinished, now)
            self.expect(now + self._context.options.header_timeout_s)
        content = self._reader.unfinished_content
        if content is not None:
            self._requests.take_part(*content)

    # Deadlines.

    def _look(self) -> None:
        """Do what is due, and plan to look again."""
        if self._phase is Phase.OVER:
            self._wire.close()
            return
        now = self.now()
        self._look_at_connection(now)
        self._requests.look(now)
        self.expect(min(self._requests.deadline(), *self._deadlines()))

    def _look_at_connection(self, now: float) -> None:
        head, round_trip, idle = self._deadlines()
        if now >= head:
            self.break_off("slow headers", ErrorCodes.ENHANCE_YOUR_CALM)
        elif now >= round_trip:
            self._open_no_more()
        elif now >= idle:
            self._leave()

    @property
    def _is_idle(self) -> bool:
        return self._phase is Phase.OPEN and not self._requests

    def _deadlines(self) -> tuple[float, float, float]:
        """Return when it is too late for the client to finish a head, to answer our PING, to say anything."""
        options = self._context.options
        return (
            self._unfinished[1] + options.header_timeout_s if self._unfinished else NEVER,
            self._leaving_since + ROUND_TRIP_S if self._phase is Phase.LEAVING else NEVER,
            self._idle_since + options.keep_alive_timeout_s if self._is_idle else NEVER,
        )

    # Ending.

    def _leave(self) -> None:
        """
        Tell the client that no more streams are wanted, and find out when it knows (RFC 9113, 6.8).

        What it opened before it knew is still answered. A server that stops waits with this for its open streams,
        unless the client opens more: clients built on h2 lose all streams that are open when they hear it.
        """
        if self._phase is not Phase.OPEN:
            return
        self._phase = Phase.LEAVING
        self._leaving_since = self.now()
        self._machine.ping(ROUND_TRIP)  # before: such clients can read no other frame after a GOAWAY
        self.send_raw(encode_goaway(LAST_STREAM, ErrorCodes.NO_ERROR))
        self.expect(self._leaving_since + ROUND_TRIP_S)
        self.flush()

    def _open_no_more(self) -> None:
        if self._phase is not Phase.LEAVING:
            return
        self._phase = Phase.LAST
        self.send_raw(encode_goaway(self._machine.highest_inbound_stream_id, ErrorCodes.NO_ERROR))
        self.flush()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._requests or not (self._phase is Phase.LAST or self._is_left):
            return
        self._is_reading = False  # what else was read in the same breath came after the end
        self.flush()
        self._phase = Phase.OVER
        self._alarm.cancel()
        self._wire.close()

    def _throw_away(self, data: bytes) -> None:
        """Let a client whose connection is broken off send what it has under way, within bounds."""
        self._linger_size -= len(data)
        if self._linger_size < 0:
            self._wire.pause_reading()
