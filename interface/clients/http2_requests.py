"""
The requests of one HTTP/2 connection: what h2's events mean for them, and what they send. ``http2`` drives it.

Each has a stream (``http2_stream``). Content leaves in fair turns (``http2_turns``); priorities are not kept, as
RFC 9113, 5.3 advises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)

from zmqlayer.interface.clients.head import BadRequest, Field
from zmqlayer.interface.clients.http2_conduct import Conduct
from zmqlayer.interface.clients.http2_fields import (
    Malformed,
    check_size,
    check_trailers,
    content_length,
    read_request,
    request_line,
    response_fields,
)
from zmqlayer.interface.clients.http2_frames import BadFrames, encode_reset
from zmqlayer.interface.clients.http2_machine import Machine
from zmqlayer.interface.clients.http2_stream import Http2Stream
from zmqlayer.interface.clients.http2_turns import Turns
from zmqlayer.interface.clients.pace import NEVER
from zmqlayer.interface.clients.request import Request
from zmqlayer.interface.clients.wire import Origin
from zmqlayer.interface.options import Context

__all__ = ["Requests"]


class Link(Protocol):
    """The connection, as its requests see it."""

    @property
    def origin(self) -> Origin: ...
    @property
    def is_congested(self) -> bool: ...
    @property
    def may_write(self) -> bool: ...
    @property
    def is_secure(self) -> bool: ...
    @property
    def is_leaving(self) -> bool: ...
    def now(self) -> float: ...
    def expect(self, at: float) -> None: ...
    def flush(self) -> None: ...
    def send_raw(self, frame: bytes) -> None: ...
    def note(self, fault: str) -> None: ...
    def break_off(self, fault: str, code: ErrorCodes) -> None: ...
    def emptied(self) -> None: ...


class Requests:
    """The requests that are open, by stream: the ``http2_stream.Session`` of each."""

    def __init__(self, link: Link, machine: Machine, conduct: Conduct, context: Context) -> None:
        self._link = link
        self._machine = machine
        self._conduct = conduct
        self._context = context
        self._turns = Turns(machine, conduct, self)
        self._streams: dict[int, Http2Stream] = {}
        self.now = link.now
        self.expect = link.expect
        self.flush = link.flush

    def __len__(self) -> int:
        return len(self._streams)

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._streams

    # What the connection calls.

    def take(self, event: Event) -> None:
        """Do what an event of the machine asks for."""
        take = TAKERS.get(type(event))
        if take is not None:
            take(self, event)

    def take_part(self, stream_id: int, size: int) -> None:
        """Take note of *size* bytes of a DATA frame that is not complete yet."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.receive_part(size)

    def send(self) -> None:
        """Send what the client's windows allow."""
        self._turns.run()

    def tell(self) -> None:
        """Let the requests know whether they may write, after the connection's ability to do so changed."""
        for stream in tuple(self._streams.values()):
            if self.is_congested:
                stream.write_pace.stop()
            stream.tell()

    def stop(self) -> None:
        """Let the requests know that the server stops."""
        for stream in tuple(self._streams.values()):
            stream.stop()

    def look(self, now: float) -> None:
        """End those whose client is too slow."""
        for stream in tuple(self._streams.values()):
            if stream.body_pace.is_too_slow(now):
                stream.spoil(408, "The body came too slowly.", "slow body")
            if stream.is_open and stream.write_pace.is_too_slow(now):
                self._link.note("slow reader")
                self._machine.reset_stream(stream.stream_id, ErrorCodes.ENHANCE_YOUR_CALM)
                self._lose(stream)
                self.flush()

    def deadline(self) -> float:
        """Return when to :meth:`look` next."""
        return min((stream.deadline() for stream in self._streams.values()), default=NEVER)

    def lose_all(self) -> None:
        """Tell all requests that their client is gone."""
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            request = stream.close()
            if request is not None:
                request.lost()

    # What streams and their turns call.

    @property
    def is_congested(self) -> bool:
        """Whether the client does not take what was written already."""
        return self._link.is_congested

    @property
    def may_write(self) -> bool:
        """Whether content may leave now."""
        return self._link.may_write

    @property
    def is_secure(self) -> bool:
        """Whether the connection is TLS."""
        return self._link.is_secure

    def send_head(self, stream: Http2Stream, status: int, fields: Sequence[Field]) -> None:
        """Send the head of a response."""
        self._machine.send_headers(stream.stream_id, response_fields(status, fields))
        self.flush()

    def send_soon(self, stream: Http2Stream) -> None:
        """Send the content of *stream*, or its end, when it is its turn."""
        self._turns.join(stream)
        self._turns.run()
        self.flush()

    def invite(self, stream: Http2Stream, size: int) -> None:
        """Let the client send *size* more bytes of a body."""
        self._machine.increment_flow_control_window(size, stream.stream_id)
        self.flush()

    def reset(self, stream: Http2Stream, code: ErrorCodes) -> None:
        """Break a stream off."""
        self._machine.reset_stream(stream.stream_id, code)
        if stream.code:
            self._count_reset()
        self._forget(stream)
        self.flush()

    def answered(self, stream: Http2Stream) -> None:
        """The end of a response was sent; what the client still owes of its request is not wanted (RFC 9113, 8.1)."""
        if not stream.is_body_complete:
            self._machine.reset_stream(stream.stream_id, stream.code)
        elif stream.code:
            self._link.send_raw(encode_reset(stream.stream_id, stream.code))
        if stream.code:
            self._count_reset()
        else:
            self._conduct.count_answer()
        self._forget(stream)

    # What the events ask for.

    def _open(self, event: RequestReceived) -> None:
        stream_id = event.stream_id
        if self._link.is_leaving or len(self._streams) >= self._context.options.max_streams:
            self._refuse(stream_id)
            return
        stream = self._streams[stream_id] = Http2Stream(stream_id, self, self._context.options)
        stream.is_body_complete = event.stream_ended is not None
        request = Request(stream, self._context, self._link.origin)
        stream.open(request)
        stream.tell()
        try:
            self._begin(stream, request, self._machine.fields)
        except BadRequest as exc:
            stream.code = ErrorCodes.PROTOCOL_ERROR if isinstance(exc, Malformed) else ErrorCodes.NO_ERROR
            request.refuse(exc.status, exc.sentence, exc.fault)

    def _begin(self, stream: Http2Stream, request: Request, fields: Sequence[Field]) -> None:
        request.is_to_head = (b":method", b"HEAD") in fields
        check_size(fields, self._context.options)
        request.line = request_line(fields)
        head = read_request(fields)
        stream.expect_body(content_length(head.fields), head.awaits_invitation)
        request.open(head)

    def _refuse(self, stream_id: int) -> None:
        """Let the client ask again, elsewhere or later: nothing was done yet (RFC 9113, 8.7)."""
        self._machine.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
        if not self._link.is_leaving:
            self._link.note("too many HTTP/2 streams")
        self._count_reset()

    def _receive(self, event: DataReceived) -> None:
        self._machine.return_window(event.flow_controlled_length)
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        stream.is_body_complete = event.stream_ended is not None
        if not stream.receive(event.data, event.flow_controlled_length):
            self._spoil(stream, "The body is longer than its Content-Length.")

    def _receive_trailers(self, event: TrailersReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        stream.is_body_complete = True
        try:
            check_trailers(self._machine.fields)
        except Malformed as exc:
            self._spoil(stream, exc.sentence)

    def _complete(self, event: StreamEnded) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None and not stream.complete():
            self._spoil(stream, "The body is shorter than its Content-Length.")

    def _spoil(self, stream: Http2Stream, sentence: str) -> None:
        stream.code = ErrorCodes.PROTOCOL_ERROR
        stream.spoil(400, sentence, "malformed body")

    def _give_up(self, event: StreamReset) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            self._lose(stream)
            self._count_reset()

    def _open_window(self, event: WindowUpdated) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None and stream.has_content:
            self._turns.join(stream)

    def _take_settings(self, _event: RemoteSettingsChanged) -> None:
        self._machine.bound_settings()
        for stream in self._streams.values():
            if stream.has_content:  # its window may have opened
                self._turns.join(stream)

    def _lose(self, stream: Http2Stream) -> None:
        request = stream.close()
        if request is not None:
            request.lost()
        self._forget(stream)

    def _forget(self, stream: Http2Stream) -> None:
        stream.close()
        if self._streams.pop(stream.stream_id, None) is not None and not self._streams:
            self._link.emptied()

    def _count_reset(self) -> None:
        try:
            self._conduct.count_reset(self.now())
        except BadFrames as exc:
            self._link.break_off(exc.fault, exc.code)


TAKERS: Final[dict[type[Event], Callable[[Requests, Any], None]]] = {
    RequestReceived: Requests._open,
    DataReceived: Requests._receive,
    TrailersReceived: Requests._receive_trailers,
    StreamEnded: Requests._complete,
    StreamReset: Requests._give_up,
    WindowUpdated: Requests._open_window,
    RemoteSettingsChanged: Requests._take_settings,
}
