"""
Clients that speak HTTP/2 to a server in memory.

:class:`FrameClient` sends frames as a test writes them, whether a client may send them or not, and shows the server's.
:class:`Http2Client` is h2's own client: it keeps the protocol, and fails if the server does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, InformationalResponseReceived, ResponseReceived, StreamEnded, StreamReset
from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from twisted.internet.interfaces import ISSLTransport
from zope.interface import implementer

from support.connections import Client, MemoryTransport, Site
from zmqlayer.interface.clients.http2_frames import PREFACE

Field = tuple[bytes, bytes]

GET: list[Field] = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/"), (b":authority", b"localhost")]
POST: list[Field] = [(b":method", b"POST"), *GET[1:]]


@implementer(ISSLTransport)
class TlsTransport(MemoryTransport):
    """A transport that has agreed on HTTP/2 already."""

    negotiatedProtocol = b"h2"

    def getPeerCertificate(self) -> object:
        """Clients have none."""
        return None


def fields_of(method: str = "GET", path: str = "/", *fields: Field) -> list[Field]:
    """Return the fields that open a stream."""
    pseudo = [(b":method", method.encode()), (b":scheme", b"https"), (b":path", path.encode())]
    return [*pseudo, (b":authority", b"localhost"), *fields]


class FrameClient(Client):
    """A client that sends whatever a test wants."""

    def __init__(self, site: Site, greets: bool = True) -> None:
        super().__init__(site.factory, TlsTransport())
        site.clients.append(self)
        self.encoder = Encoder()
        self._decoder = Decoder(max_header_list_size=2**20)
        self._unread = b""
        if greets:
            self.send(PREFACE)
            self.put(SettingsFrame(0))

    def put(self, *frames: Frame) -> None:
        """Send frames, in one segment."""
        self.send(b"".join(frame.serialize() for frame in frames))

    def open(self, stream_id: int, fields: list[Field] = GET, *, ends: bool = True) -> None:
        """Open a stream, or close its body with trailers."""
        self.put(self.head(stream_id, fields, ends=ends))

    def head(self, stream_id: int, fields: list[Field] = GET, *, ends: bool = True) -> HeadersFrame:
        """Return the frame that opens a stream."""
        flags = ["END_HEADERS", "END_STREAM"] if ends else ["END_HEADERS"]
        return HeadersFrame(stream_id, self.encoder.encode(fields, huffman=False), flags=flags)

    def frames(self) -> list[Frame]:
        """Return the frames that the server sent since the last call."""
        data = memoryview(self._unread + self.read())
        frames = []
        while len(data) >= 9:
            frame, size = Frame.parse_frame_header(data[:9])
            if len(data) < 9 + size:
                break
            frame.parse_body(data[9 : 9 + size])
            data = data[9 + size :]
            frames.append(frame)
        self._unread = bytes(data)
        return frames

    def heads(self) -> list[tuple[int, list[Field]]]:
        """Return stream and fields of each head that the server sent."""
        return [(frame.stream_id, self.decode(frame)) for frame in self.frames() if isinstance(frame, HeadersFrame)]

    def decode(self, frame: HeadersFrame) -> list[Field]:
        """Return the fields of a head; each head once, and in order."""
        return [(bytes(name), bytes(value)) for name, value in self._decoder.decode(frame.data, raw=True)]

    def contents(self) -> dict[int, bytes]:
        """Return what the server sent of each response's content."""
        contents: dict[int, bytes] = {}
        for frame in self.frames():
            if isinstance(frame, DataFrame):
                contents[frame.stream_id] = contents.get(frame.stream_id, b"") + frame.data
        return contents

    def resets(self) -> list[tuple[int, ErrorCodes]]:
        """Return stream and code of each RST_STREAM that the server sent."""
        frames = [frame for frame in self.frames() if isinstance(frame, RstStreamFrame)]
        return [(frame.stream_id, ErrorCodes(frame.error_code)) for frame in frames]

    def goaways(self) -> list[tuple[int, ErrorCodes]]:
        """Return last stream and code of each GOAWAY that the server sent."""
        frames = [frame for frame in self.frames() if isinstance(frame, GoAwayFrame)]
        return [(frame.last_stream_id, ErrorCodes(frame.error_code)) for frame in frames]


def data(stream_id: int, content: bytes = b"", *, ends: bool = False) -> DataFrame:
    """Return a DATA frame."""
    return DataFrame(stream_id, content, flags=["END_STREAM"] if ends else [])


def reset(stream_id: int, code: ErrorCodes = ErrorCodes.CANCEL) -> RstStreamFrame:
    """Return a RST_STREAM frame."""
    return RstStreamFrame(stream_id, error_code=code)


def window(stream_id: int, size: int) -> WindowUpdateFrame:
    """Return a WINDOW_UPDATE frame."""
    return WindowUpdateFrame(stream_id, window_increment=size)


def setting(**values: int) -> SettingsFrame:
    """Return a SETTINGS frame; keys are named as ``INITIAL_WINDOW_SIZE`` is."""
    return SettingsFrame(0, settings={getattr(SettingsFrame, name): value for name, value in values.items()})


def ping(content: bytes = b"12345678", *, is_ack: bool = False) -> PingFrame:
    """Return a PING frame."""
    return PingFrame(0, content, flags=["ACK"] if is_ack else [])


@dataclass
class Response:
    """
    What came back on one stream.

    Attributes:
        informational: Status of each 1xx response.
        reset: Code that the server broke the stream off with.
    """

    status: int = 0
    fields: list[Field] = field(default_factory=list)
    content: bytes = b""
    is_complete: bool = False
    informational: list[int] = field(default_factory=list)
    reset: ErrorCodes | None = None


class Http2Client(Client):
    """A client that keeps the protocol: h2's."""

    def __init__(self, site: Site, **settings: int) -> None:
        super().__init__(site.factory, TlsTransport())
        site.clients.append(self)
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self.responses: dict[int, Response] = {}
        self.takes = True
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings({getattr(SettingsFrame, name): value for name, value in settings.items()})
        self.talk()

    def open(self, fields: list[Field] = GET, *, ends: bool = True) -> int:
        """Open a stream; returns its number."""
        stream_id: int = self.h2.get_next_available_stream_id()
        self.responses[stream_id] = Response()
        self.h2.send_headers(stream_id, fields, end_stream=ends)
        self.talk()
        return stream_id

    def send_body(self, stream_id: int, content: bytes, *, ends: bool = False) -> bytes:
        """Send as much of a body as the windows allow; returns the rest, which has to be sent later."""
        while content:
            room = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size, len(content))
            if not room:
                break
            piece, content = content[:room], content[room:]
            self.h2.send_data(stream_id, piece, end_stream=ends and not content)
        self.talk()
        return content

    def hold_body(self, site: Site) -> tuple[int, str]:
        """Send the first part of a long body, which the mesh then takes no more of; returns stream and channel."""
        stream_id = self.open(POST, ends=False)
        rest = bytes(site.options.body_inline_size + 1)
        while rest:  # the window opens again as the body is taken
            rest = self.send_body(stream_id, rest)
        channel: str = site.layer.take()[0][1]["body_channel"]
        site.layer.fill(channel)
        self.send_body(stream_id, b"held")
        return stream_id, channel

    def reset(self, stream_id: int, code: ErrorCodes = ErrorCodes.CANCEL) -> None:
        """Give a stream up."""
        self.h2.reset_stream(stream_id, code)
        self.talk()

    def talk(self) -> None:
        """Send what is to be sent, and take what was sent, until both are silent."""
        while (out := self.h2.data_to_send()) or self.transport.value():
            if out:
                self.send(out)
            for event in self.h2.receive_data(self.read()):
                self._take(event)

    def _take(self, event: Any) -> None:
        response = self.responses.get(getattr(event, "stream_id", 0))
        if response is None:
            return
        if isinstance(event, ResponseReceived):
            head = [(bytes(name), bytes(value)) for name, value in event.headers]
            response.status, response.fields = int(head[0][1]), head[1:]
        elif isinstance(event, InformationalResponseReceived):
            response.informational.append(int(dict(event.headers)[b":status"]))
        elif isinstance(event, DataReceived):
            response.content += event.data
            if self.takes:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            response.is_complete = True
        elif isinstance(event, StreamReset):
            response.reset = ErrorCodes(event.error_code)
