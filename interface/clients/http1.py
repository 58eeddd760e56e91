"""
HTTP/1.1 and HTTP/1.0 on one connection (RFC 9112): requests one after the other, each answered before the next is read.

What a client sends ahead waits here; once a segment of it does, the connection is read no further. So pipelining costs
no more than a segment, whatever the client sends. A client that is not heard, for that or because it has ended, is
looked after meanwhile: nobody is to work for one that is gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from zmqlayer.interface.clients.bodies import Body, body_of
from zmqlayer.interface.clients.extensions import Agreement
from zmqlayer.interface.clients.framing import Frames
from zmqlayer.interface.clients.head import BadRequest, Field, Head, read_head
from zmqlayer.interface.clients.kernel import Standing
from zmqlayer.interface.clients.pace import Pace
from zmqlayer.interface.clients.raw_head import blank_size, cut_head, read_raw_head
from zmqlayer.interface.clients.request import Request
from zmqlayer.interface.clients.responses import CONTINUE, Response
from zmqlayer.interface.clients.streams import Socket
from zmqlayer.interface.clients.taking import Taking
from zmqlayer.interface.clients.wire import Wire
from zmqlayer.interface.countdown import Countdown
from zmqlayer.interface.options import Context

__all__ = ["Http1"]

LINGER_S: Final = 2.0
"""
How long the rest of a refused request is read and thrown away. Closing at once would reset the connection, and with it
the answer that says why.
"""
LINGER_SIZE: Final = 1_048_576
"""How many bytes of it; then the client waits until the time is over."""

PROBES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""How long to wait after each probe for a client that has ended."""
LOOK_S: Final = 1.0
"""How often to look else whether a client that is not heard is still there."""
SILENCE_S: Final = 15.0
"""For how long a client that has ended, and cannot be probed, is taken to wait for the next bytes of its response."""
NO_REQUEST: Final = (b"", b"\r")
"""What may stand behind a request without beginning another: nothing, or the half of a blank line."""
ANNOUNCES_BODY: Final = re.compile(rb"(?i)\n(?:content-length|transfer-encoding):")


class Phase(Enum):
    """What the next byte of the client belongs to."""

    IDLE = auto()  # a request of which nothing came yet
    HEAD = auto()
    BODY = auto()
    NEXT = auto()  # the request after the one that is being answered
    REST = auto()  # of a request that was answered already: thrown away
    NOTHING = auto()  # the connection ends


class Http1:
    """One connection: the ``wire.Codec`` of its bytes, and the ``streams.Stream`` of the request that is answered."""

    __slots__ = (
        "_awaits_invitation",
        "_blank_size",
        "_body",
        "_context",
        "_has_ended",
        "_is_body_paused",
        "_is_reading",
        "_is_stopping",
        "_is_wire_paused",
        "_pace",
        "_phase",
        "_probes",
        "_request",
        "_response",
        "_rest_size",
        "_silence",
        "_timer",
        "_unread",
        "_wire",
    )

    def __init__(self, wire: Wire, context: Context) -> None:
        self._wire = wire
        self._context = context
        self._phase = Phase.IDLE
        self._unread = b""
        self._blank_size = 0
        self._request: Request | None = None
        self._response = Response()
        self._body: Body | None = None
        self._pace: Pace | None = None
        self._timer = Countdown(context.reactor)
        self._rest_size = 0
        self._probes = 0
        self._silence: Taking | None = None
        self._has_ended = False
        self._is_reading = False
        self._is_stopping = False
        self._is_body_paused = False
        self._is_wire_paused = False
        self._awaits_invitation = False

    # What the connection calls.

    def received(self, data: bytes) -> None:
        """See ``wire.Codec``."""
        if self._phase is Phase.REST:
            self._rest_size += len(data)
        elif self._phase is not Phase.NOTHING:
            self._unread = self._unread + data if self._unread else data
            self._read()
        self._adjust_reading()

    def ended(self) -> None:
        """See ``wire.Codec``; requests that came whole are still answered."""
        self._has_ended = True
        if self._phase is Phase.BODY and self._request is not None:
            self._phase = Phase.NEXT
            self._request.spoiled(400, "The body ended too early.", "body cut short")
        elif self._request is None:
            self._close()
        elif self._request.is_two_way:
            self._wire.abort()
        else:
            self._look()

    def lost(self) -> None:
        """See ``wire.Codec``."""
        self._become(Phase.NOTHING)
        request, self._request = self._request, None
        if request is not None:
            request.lost()

    def congested(self) -> None:
        """See ``wire.Codec``."""
        if self._request is not None:
            self._request.congested()

    def relieved(self) -> None:
        """See ``wire.Codec``."""
        if self._request is not None:
            self._request.relieved()
        elif self._phase in (Phase.IDLE, Phase.HEAD):
            self._read()
            self._adjust_reading()

    def stop(self) -> None:
        """See ``wire.Codec``."""
        self._is_stopping = True
        self._response.is_kept = False
        if self._request is not None:
            self._request.stop()
        elif self._phase is Phase.IDLE and self._unread in NO_REQUEST:
            self._close()

    # What the request calls.

    @property
    def is_congested(self) -> bool:
        """See ``streams.Stream``."""
        return self._wire.is_congested

    @property
    def is_secure(self) -> bool:
        """See ``streams.Stream``."""
        return self._wire.is_secure

    def invite_body(self) -> None:
        """See ``streams.Stream``."""
        if self._awaits_invitation:
            self._awaits_invitation = False
            self._wire.write((CONTINUE,))
            self._watch_body()

    def pause_body(self) -> None:
        """See ``streams.Stream``."""
        self._is_body_paused = True
        self._watch_body()
        self._adjust_reading()

    def resume_body(self) -> None:
        """See ``streams.Stream``."""
        self._is_body_paused = False
        self._silence = None
        self._watch_body()
        self._adjust_reading()

    def send_head(
        self, status: int, fields: Sequence[Field], content: bytes = b"", *, has_content: bool, is_last: bool = False
    ) -> None:
        """See ``streams.Stream``."""
        self._awaits_invitation = False
        if is_last or self._phase is not Phase.NEXT:
            self._response.is_kept = False
        head = self._response.head(status, fields, has_content=has_content)
        parts = (head, *self._response.content(content)) if content else (head,)
        self._silence = None
        self._wire.write(parts, is_last=self._response.is_complete_with(content))

    def send_content(self, data: bytes) -> None:
        """See ``streams.Stream``."""
        if data:
            self._silence = None
            self._wire.write(self._response.content(data))

    def end(self) -> None:
        """See ``streams.Stream``."""
        if last := self._response.end():
            self._wire.write(last, is_last=True)
        else:
            self._wire.flush()
        self._request = None
        if self._response.is_kept:
            self._expect_next()
        elif self._phase is Phase.NEXT or self._has_ended:
            self._close()
        elif self._phase is not Phase.NOTHING:
            self._throw_rest_away()

    def abort(self) -> None:
        """See ``streams.Stream``."""
        self._request = None
        self._become(Phase.NOTHING)
        self._wire.abort()

    def upgrade(self, socket: Socket, answer: bytes, compression: Agreement | None) -> Frames:
        """See ``streams.Carrier``."""
        held = self._unread
        self._request = None
        self._become(Phase.NOTHING)
        return self._wire.upgrade(socket, answer, compression, held)

    def release(self) -> None:
        """See ``streams.Carrier``."""
        self._wire.release()

    # Reading.

    def _read(self) -> None:
        """Read what there is, as far as it may be read now. Requests answered meanwhile do not nest."""
        if self._is_reading:
            return
        self._is_reading = True
        try:
            while self._unread and self._read_some():
                pass
        except BadRequest as exc:
            self._refuse(exc)
        finally:
            self._is_reading = False

    def _read_some(self) -> bool:
        """Read a head or a piece of a body; return whether more can be read."""
        if self._phase is Phase.IDLE and not self._read_blank_lines():
            return False
        if self._phase in (Phase.IDLE, Phase.HEAD):
            return self._read_head()
        if self._phase is Phase.BODY and self._body is not None:
            return self._read_body(self._body)
        return False

    def _read_blank_lines(self) -> bool:
        """
        Throw blank lines away, and return whether a request begins behind them.

        Some clients send one behind a body (RFC 9112, 2.2): the connection is as idle as before.
        """
        size = blank_size(self._unread, self._blank_size)
        if size:
            self._blank_size += size
            self._unread = self._unread[size:]
        if self._unread not in NO_REQUEST:
            return True
        if not self._timer.is_running:  # they were the first bytes of the connection
            self._timer.start(self._context.options.keep_alive_timeout_s, self._close)
        return False

    def _read_head(self) -> bool:
        if self._wire.is_congested:  # the client is to take the answers it has before it gets more
            return False
        options = self._context.options
        is_first, self._phase = self._phase is Phase.IDLE, Phase.HEAD
        cut = cut_head(self._unread, options)
        if cut is None:
            if is_first:  # most heads come in one piece, and need no timer
                self._timer.start(options.header_timeout_s, self._time_out_head)
            return False
        data, self._unread = cut
        try:
            self._open(data)
        except BadRequest:
            self._phase = Phase.HEAD if self._unread or ANNOUNCES_BODY.search(data) else Phase.NEXT
            raise
        return True

    def _open(self, data: bytes) -> None:
        options = self._context.options
        self._timer.stop()
        self._request = request = self._new_request(data)
        raw = read_raw_head(data, options)
        request.line = raw.line
        self._response.http_version = raw.http_version
        head = read_head(raw.method, raw.target, raw.http_version, raw.fields)
        self._body = body_of(head, options.max_header_size)
        self._phase = Phase.BODY if self._body else Phase.NEXT
        self._response.is_kept = not self._is_stopping and _may_be_kept(head)
        if self._body is None:
            request.open(head)
            request.completed()
        else:
            self._awaits_invitation = head.awaits_invitation
            self._pace = Pace(options.body_timeout_s, options.body_min_rate)
            request.open(head)
            self._watch_body()

    def _read_body(self, body: Body) -> bool:
        content, self._unread = body.take(self._unread)
        self._awaits_invitation = False
        request = self._request
        if content and request is not None and self._pace is not None:
            self._pace.count(len(content), self._context.reactor.seconds())
            request.received(content)
        if body.is_complete and self._phase is Phase.BODY:
            self._phase = Phase.NEXT
            self._body = self._pace = None
            self._timer.stop()
            if request is not None:
                request.completed()
        return True

    def _watch_body(self) -> None:
        """Let the body's clock run while the client is to send, and stand while it is not."""
        if self._pace is None or self._phase is not Phase.BODY:
            return
        if self._is_body_paused or self._awaits_invitation:
            self._pace.stop()
            self._timer.stop()
        else:
            self._pace.start(self._context.reactor.seconds())
            self._check_pace()

    def _check_pace(self) -> None:
        if self._pace is None or self._request is None:
            return
        now = self._context.reactor.seconds()
        if self._pace.is_too_slow(now):
            self._phase = Phase.NEXT  # nothing more is waited for
            self._request.spoiled(408, "The body came too slowly.", "slow body")
        else:
            self._timer.start(self._pace.deadline() - now, self._check_pace)

    # Whether the client is there, though nothing is heard of it.

    def _watch_client(self) -> None:
        if self._is_unheard and self._request is not None and not self._timer.is_running:
            self._timer.start(LOOK_S, self._look)

    def _look(self) -> None:
        """
        Find out whether a client that is not heard still waits for its response.

        A closed connection answers what is sent to it by a reset, and that is the only sure sign.
        """
        request = self._request
        if request is None or not self._is_unheard:
            return
        standing, wait_s = self._wire.standing, LOOK_S
        is_gone = standing is Standing.GONE
        if self._has_ended or standing is Standing.ENDED:
            if request.is_two_way:  # an answer would be of no use
                is_gone = True
            elif request.has_begun or self._response.http_version == "1.0":
                is_gone = is_gone or self._is_silent()
            elif self._probes < len(PROBES_S):
                wait_s = self._probe()
        if is_gone:
            self._wire.abort()
        else:
            self._timer.start(wait_s, self._look)

    def _probe(self) -> float:
        """
        Send what a client that is there ignores, and return how long to wait for what becomes of it.

        A client may get any number of ``100 Continue`` before the answer (RFC 9110, 15.2).
        """
        self._wire.write((CONTINUE,))
        wait_s, self._probes = PROBES_S[self._probes], self._probes + 1
        return wait_s

    def _is_silent(self) -> bool:
        """Whether for a while nothing was sent, or read, and nothing taken of what was sent before."""
        untaken, now = self._wire.untaken_size, self._context.reactor.seconds()
        if self._silence is None:
            self._silence = Taking(SILENCE_S, untaken, now)
        return self._silence.look(untaken, now)

    @property
    def _is_unheard(self) -> bool:
        return self._has_ended or self._is_wire_paused

    # Requests.

    def _new_request(self, begun: bytes) -> Request:
        """Return the request that begins with the bytes *begun*."""
        self._response = Response()
        self._probes = 0
        self._silence = None
        request = Request(self, self._context, self._wire.origin, self)
        request.is_to_head = begun.lstrip(b"\r\n").startswith(b"HEAD ")
        return request

    # Ending.

    def _refuse(self, exc: BadRequest) -> None:
        request = self._request
        if request is not None and self._phase is Phase.BODY:
            request.spoiled(exc.status, exc.sentence, exc.fault)
            return
        if request is None:
            self._request = request = self._new_request(self._unread)
        request.refuse(exc.status, exc.sentence, exc.fault)

    def _time_out_head(self) -> None:
        self._phase = Phase.NEXT  # nothing more is waited for
        timeout_s = self._context.options.header_timeout_s
        self._refuse(BadRequest(f"The headers took more than {timeout_s:g} seconds.", 408, "slow headers"))

    def _expect_next(self) -> None:
        self._phase = Phase.IDLE
        self._blank_size = 0
        self._is_body_paused = False
        self._timer.start(self._context.options.keep_alive_timeout_s, self._close)
        self._read()
        if self._has_ended and self._request is None:
            self._close()
        self._adjust_reading()

    def _throw_rest_away(self) -> None:
        self._become(Phase.REST)
        self._timer.start(LINGER_S, self._close)
        self._adjust_reading()

    def _close(self) -> None:
        self._become(Phase.NOTHING)
        self._wire.close()

    def _become(self, phase: Phase) -> None:
        """End reading requests."""
        self._phase = phase
        self._unread = b""
        self._body = self._pace = None
        self._timer.stop()

    def _adjust_reading(self) -> None:
        is_paused = self._is_to_wait()
        if is_paused is not self._is_wire_paused and self._phase is not Phase.NOTHING and not self._has_ended:
            self._is_wire_paused = is_paused
            if is_paused:
                self._wire.pause_reading()
            else:
                self._wire.resume_reading()
        self._watch_client()

    def _is_to_wait(self) -> bool:
        """Whether the client is to send no more for now."""
        if self._phase is Phase.BODY:
            return self._is_body_paused
        if self._phase is Phase.REST:
            return self._rest_size > LINGER_SIZE
        return bool(self._unread) and (self._phase is Phase.NEXT or self._wire.is_congested)


def _may_be_kept(head: Head) -> bool:
    """Whether the client will send another request on this connection (RFC 9112, 9.3)."""
    tokens = head.tokens(b"connection")
    return b"close" not in tokens and (head.http_version == "1.1" or b"keep-alive" in tokens)
