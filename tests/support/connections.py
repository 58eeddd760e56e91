"""Clients of an interface server in memory: raw bytes on one side, a recorded channel layer on the other."""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NotRequired, get_origin, get_type_hints

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.interface.clients.access_log import combined_line
from zmqlayer.interface.clients.connection import Connection
from zmqlayer.interface.clients.factory import ConnectionFactory
from zmqlayer.interface.clients.proxies import Proxies
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.interface.serving.health import Health
from zmqlayer.messages import (
    Body,
    HttpDisconnect,
    HttpRequest,
    Message,
    WebSocketConnect,
    WebSocketDisconnect,
    WebSocketReceive,
)
from zmqlayer.ports import Entrusted, Loss

FORMATS: dict[str, Any] = {
    "http.request": HttpRequest,
    "http.disconnect": HttpDisconnect,
    "websocket.connect": WebSocketConnect,
    "websocket.receive": WebSocketReceive,
    "websocket.disconnect": WebSocketDisconnect,
}

NODE = "a" * 26
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # with its answer in RFC 6455, 1.3
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def _format_of(channel: str, message: Message) -> Any:
    if channel.startswith("http.request.body?"):
        return Body
    if channel in FORMATS:
        assert "type" not in message, f"{channel} says what its name says already"
        return FORMATS[channel]
    return FORMATS[message["type"]]  # an events_channel


def check_format(channel: str, message: Message) -> None:
    """Fail unless *message* has every required key of its channel's format, and no key beyond the format."""
    hints = get_type_hints(_format_of(channel, message), include_extras=True)
    missing = {key for key, hint in hints.items() if get_origin(hint) is not NotRequired} - message.keys()
    unknown = message.keys() - hints.keys()
    assert not missing, f"{channel} lacks {missing}"
    assert not unknown, f"{channel} has the unknown keys {unknown}"
    for header in message.get("headers", []):
        assert isinstance(header, list)
        assert [type(part) for part in header] == [bytes, bytes]
        assert header[0] == header[0].lower()


@dataclass
class RecordedReply:
    """A reply channel that a test pushes messages into."""

    name: str
    deliver: Callable[[Message], None]
    waiting: deque[Message] = field(default_factory=deque)
    is_paused: bool = False
    is_closed: bool = False

    def pause(self) -> None:
        """Keep what arrives."""
        self.is_paused = True

    def resume(self) -> None:
        """Deliver again, once the test lets messages flow."""
        self.is_paused = False

    def close(self, request: Entrusted | None = None) -> None:
        """Drop what is unread, and withdraw what was to be answered."""
        if request is not None:
            request.withdraw()
        self.is_closed = True
        self.waiting.clear()

    def push(self, *messages: Message) -> None:
        """Let a worker send *messages*, and deliver what may be delivered."""
        self.waiting.extend(messages)
        self.flow()

    def flow(self) -> None:
        """Deliver what waits, unless the channel is paused or closed."""
        while self.waiting and not self.is_paused and not self.is_closed:
            self.deliver(self.waiting.popleft())


@dataclass
class RecordedCall:
    """A call that the server asked for: made once, unless it was cancelled before."""

    channel: str
    call: Callable[..., None]
    is_open: bool = True
    is_withdrawn: bool = False

    def cancel(self) -> None:
        """It is not wanted any more."""
        self.is_open = False

    forget = cancel

    def withdraw(self) -> None:
        """The message is to leave the queue."""
        self.is_withdrawn = True
        self.cancel()

    def make(self, *args: Any) -> None:
        """Make the call."""
        if self.is_open:
            self.is_open = False
            self.call(*args)


class RecordedLayer:
    """Keeps what is sent, checks its format, and raises what a test tells it to raise."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.replies: list[RecordedReply] = []
        self.errors: dict[str, ZmqLayerError] = {}
        self.entrusted: list[RecordedCall] = []
        self.wishes: list[RecordedCall] = []
        self.followed: list[RecordedCall] = []
        self.unread: set[str] = set()
        self.dropped: list[str] = []
        self.names = 0

    def fill(self, channel: str) -> None:
        """Let every further send to *channel* raise ``ChannelFull``."""
        self.errors[channel] = ChannelFull(channel, 100)

    def send(self, channel: str, message: Message) -> None:
        """Record one message."""
        if channel in self.errors:
            raise self.errors[channel]
        check_format(channel, message)
        self.sent.append((channel, message))

    def open_channel(self, pattern: str, deliver: Callable[[Message], None]) -> RecordedReply:
        """Make a channel like ``http.response.<node>!1``."""
        reply = RecordedReply(f"{pattern[:-1]}.{NODE}!{len(self.replies)}", deliver)
        self.replies.append(reply)
        return reply

    def entrust(self, channel: str, message: Message, lost: Callable[[Loss], None]) -> RecordedCall:
        """Record one message; :meth:`lose` calls *lost*."""
        self.send(channel, message)
        call = RecordedCall(channel, lost)
        self.entrusted.append(call)
        return call

    def when_room(self, channel: str, ready: Callable[[], None]) -> RecordedCall:
        """Record the wish; :meth:`make_room` calls *ready*."""
        call = RecordedCall(channel, ready)
        self.wishes.append(call)
        return call

    def follow(self, channel: str, gone: Callable[[], None]) -> RecordedCall:
        """Record the wish; :meth:`end` calls *gone*."""
        call = RecordedCall(channel, gone)
        self.followed.append(call)
        return call

    def has_reader(self, channel: str) -> bool:
        """Whether the test says so; it does at first."""
        return channel not in self.unread

    def new_channel(self, pattern: str) -> str:
        """Make a name like ``http.request.body?<node>1``."""
        self.names += 1
        return f"{pattern}{NODE}{self.names}"

    def drop(self, channel: str) -> None:
        """Record it."""
        self.dropped.append(channel)

    def lose(self, channel: str, loss: Loss = Loss.READER_GONE) -> None:
        """Let what was entrusted to *channel*, and not forgotten, be lost."""
        for call in [call for call in self.entrusted if call.channel == channel]:
            call.make(loss)

    def make_room(self, channel: str) -> None:
        """Let sends to *channel* succeed again, and call who waits for that."""
        self.errors.pop(channel, None)
        waiting, self.wishes = self.wishes, []
        for call in waiting:
            if call.channel == channel:
                call.make()
            else:
                self.wishes.append(call)

    def end(self, channel: str) -> None:
        """Let the owner of a process channel go."""
        for call in [call for call in self.followed if call.channel == channel]:
            call.make()

    def take(self) -> list[tuple[str, Message]]:
        """Return what was sent since the last call."""
        taken, self.sent = self.sent, []
        return taken

    def take_one(self, channel: str) -> Message:
        """Return the one message that was sent since the last call."""
        taken = self.take()
        assert [name for name, _ in taken] == [channel]
        return taken[0][1]

    @property
    def reply(self) -> RecordedReply:
        """The reply channel that was opened last."""
        return self.replies[-1]


class MemoryTransport(StringTransport):
    """
    A transport that remembers whether it was told to close, and how.

    Attributes:
        dataBuffer: What the client has not taken yet, as far as a test wants it to be known.
        socket: One whose standing counts for the transport's own; None for none.
    """

    dataBuffer = b""
    socket: socket.socket | None = None

    def fileno(self) -> int:
        """Return the socket's."""
        return -1 if self.socket is None else self.socket.fileno()

    def __init__(self) -> None:
        here, there = IPv4Address("TCP", "127.0.0.1", 8000), IPv4Address("TCP", "10.0.0.9", 51234)
        super().__init__(hostAddress=here, peerAddress=there)
        self.is_aborted = False
        self.is_half_closed = False

    def loseWriteConnection(self) -> None:
        """Note that nothing more will be written."""
        self.is_half_closed = True

    def abortConnection(self) -> None:
        """Note that the connection was cut."""
        self.is_aborted = True
        self.loseConnection()


class Client:
    """One client of an interface server: writes bytes, reads bytes, goes away."""

    def __init__(self, factory: ConnectionFactory, transport: MemoryTransport | None = None) -> None:
        self.transport = transport or MemoryTransport()
        self.connection: Connection = factory.buildProtocol(None)
        self.connection.makeConnection(self.transport)
        self.is_gone = False

    def send(self, data: bytes) -> None:
        """Let *data* arrive, unless the server has closed."""
        if not self.transport.disconnecting:
            self.connection.dataReceived(data)

    def read(self) -> bytes:
        """Take what the server wrote."""
        written = self.transport.value()
        self.transport.clear()
        return written

    @property
    def is_closed_by_server(self) -> bool:
        """Whether the server closed, or cut, the connection, or at least its direction."""
        return bool(self.transport.disconnecting or self.transport.is_half_closed)

    def leave(self) -> None:
        """Close the connection, or take note that the server did."""
        if self.is_gone:
            return
        self.is_gone = True
        if self.transport.producer is not None:
            self.transport.producer.stopProducing()
            self.transport.producer = None
        error = ConnectionAborted() if self.transport.is_aborted else ConnectionDone()
        self.connection.connectionLost(Failure(error))

    def end(self) -> None:
        """Shut down the client's side: it still reads."""
        self.connection.readConnectionLost()

    def set_slow(self) -> None:
        """Let the transport's buffer fill up."""
        self.transport.producer.pauseProducing()

    def set_fast(self) -> None:
        """Let the transport's buffer run empty; one that was cut off asks for nothing more."""
        if not self.transport.is_aborted:
            self.transport.producer.resumeProducing()


class Site:
    """One interface server in memory, its clock and its layer."""

    def __init__(self, options: ServerOptions | None = None) -> None:
        self.clock = Clock()
        self.layer = RecordedLayer()
        self.access_log: list[str] = []
        self.options = options or ServerOptions()
        self.health = Health(self.layer, self.options)
        context = Context(
            self.layer,
            self.options,
            self.clock,
            lambda entry: self.access_log.append(combined_line(entry)),
            proxies=Proxies.from_options(self.options),
            probe=self.health.answer,
        )
        self.faults = context.faults
        self.factory = ConnectionFactory(context)
        self.clients: list[Client] = []

    def connect(self) -> Client:
        """Return a new client."""
        client = Client(self.factory)
        self.clients.append(client)
        return client

    def request(self, data: bytes) -> Client:
        """Return a new client that has sent *data*."""
        client = self.connect()
        client.send(data)
        return client

    def open_websocket(self, **answer: Any) -> Client:
        """Return a client whose WebSocket a worker has accepted."""
        client = self.request(upgrade())
        self.layer.take_one("websocket.connect")
        self.layer.reply.push({"accept": True, **answer})
        head, _, frames = client.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        client.transport.write(frames)
        return client

    def close(self) -> None:
        """
        Let every client leave, and fail if that leaves a timer, a connection or an open channel behind.

        Full channels get room, and a message that no worker has answered is lost: nobody waits for either any more.
        """
        for client in self.clients:
            client.leave()
        self.layer.errors.clear()
        for wish in tuple(self.layer.wishes):
            self.layer.make_room(wish.channel)
        for call in self.layer.entrusted:
            call.make(Loss.READER_GONE)
        assert not self.clock.getDelayedCalls()
        assert not self.factory.connections
        assert all(reply.is_closed for reply in self.layer.replies)


def get(path: str = "/", *fields: bytes, method: str = "GET", version: str = "1.1") -> bytes:
    """Return a request without a body."""
    head = f"{method} {path} HTTP/{version}\r\nHost: localhost\r\n".encode()
    return head + b"".join(line + b"\r\n" for line in fields) + b"\r\n"


def post(body: bytes, path: str = "/", *fields: bytes) -> bytes:
    """Return a request with a body and its length."""
    return get(path, b"Content-Length: %d" % len(body), *fields, method="POST") + body


def upgrade(path: str = "/chat/", *fields: bytes) -> bytes:
    """Return the request that opens a WebSocket."""
    return get(
        path,
        b"Upgrade: websocket",
        b"Connection: keep-alive, Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + KEY,
        *fields,
    )


def split_response(data: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, header fields and content of the one response in *data*; chunks are put together."""
    head, _, content = data.partition(b"\r\n\r\n")
    status_line, *lines = head.split(b"\r\n")
    fields = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    if (b"Transfer-Encoding", b"chunked") in fields:
        content = _join_chunks(content)
    return int(status_line.split(b" ")[1]), fields, content


def _join_chunks(data: bytes) -> bytes:
    content = b""
    while data:
        length, _, data = data.partition(b"\r\n")
        size = int(length, 16)
        content, data = content + data[:size], data[size + 2 :]
        if size == 0:
            assert not data
    return content


def frame(opcode: int, payload: bytes = b"", is_final: bool = True) -> bytes:
    """Return one masked frame, as a client sends it."""
    mask = b"\x11\x22\x33\x44"
    head = bytes([opcode | (0x80 if is_final else 0)])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", len(payload))
    repeated = mask * (len(payload) // 4 + 1)
    masked = bytes(byte ^ key for byte, key in zip(payload, repeated, strict=False))
    return head + mask + masked


def close_frame(code: int | None = None) -> bytes:
    """Return the client's close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code))


def split_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return opcode and payload of each of the server's frames in *data*."""
    frames = []
    while data:
        opcode, size, start = data[0] & 15, data[1], 2
        assert data[0] & 0x80, "the server sends no fragments"
        if size == 126:
            size, start = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, start = struct.unpack("!Q", data[2:10])[0], 10
        frames.append((opcode, data[start : start + size]))
        data = data[start + size :]
    return frames
