"""An echo over WebSocket in memory: what a client sends in raw frames, and what must come back."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from support.connections import BINARY, CLOSE, TEXT, Client, Site, frame, upgrade
from zmqlayer.interface.options import ServerOptions

Frame = tuple[int, bytes]
"""Opcode and payload."""


@dataclass(frozen=True)
class Case:
    """
    One conversation with a consumer that sends every message back.

    Attributes:
        number: The section of the Autobahn testsuite that asks for the same, and a number of ours.
        sent: The client's bytes, each piece in a read of its own.
        frames: The server's frames before it closes, or before the client does.
        code: Of the close frame with which the server fails the connection; None if it must not.
    """

    number: str
    sent: tuple[bytes, ...]
    frames: tuple[Frame, ...] = ()
    code: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.number


def chop(data: bytes, size: int = 1) -> tuple[bytes, ...]:
    """Return *data* in pieces of *size* bytes."""
    return tuple(data[start : start + size] for start in range(0, len(data), size))


def fragments(opcode: int, *pieces: bytes) -> bytes:
    """Return one message in frames."""
    last = len(pieces) - 1
    return b"".join(frame(0 if n else opcode, piece, is_final=n == last) for n, piece in enumerate(pieces))


def text(payload: bytes) -> Frame:
    """The server's echo of a text message."""
    return TEXT, payload


def binary(payload: bytes) -> Frame:
    """The server's echo of a binary message."""
    return BINARY, payload


class Echo:
    """A server whose one consumer sends every message back, and a client of it."""

    def __init__(self, extensions: bytes = b"", **options: Any) -> None:
        self.site = Site(ServerOptions(**{"ping_interval_s": 0.0, **options}))
        fields = (b"Sec-WebSocket-Extensions: " + extensions,) if extensions else ()
        self.client: Client = self.site.request(upgrade("/", *fields))
        self.site.layer.take()
        self.site.layer.reply.push({"accept": True, "consumed": 0})
        self.head, _, _ = self.client.read().partition(b"\r\n\r\n")
        assert self.head.startswith(b"HTTP/1.1 101 ")

    def send(self, data: bytes) -> None:
        """Let *data* arrive, and the consumer answer."""
        self.client.send(data)
        while messages := self.site.layer.take():
            for channel, message in messages:
                if channel == "websocket.receive":
                    payload = {key: message[key] for key in ("text", "bytes") if message[key] is not None}
                    self.site.layer.reply.push({**payload, "consumed": message["order"]})

    def read(self) -> list[Frame]:
        """Take the server's frames, decompressed; each of them must be in order."""
        data, frames = self.client.read(), []
        while data:
            first, size, start = data[0], data[1], 2
            assert first & 0xB0 == 0x80, "a fragment, or a bit that means nothing"
            if size == 126:
                size, start = struct.unpack("!H", data[2:4])[0], 4
            elif size == 127:
                size, start = struct.unpack("!Q", data[2:10])[0], 10
            payload = data[start : start + size]
            frames.append((first & 15, inflate(payload) if first & 0x40 else payload))
            data = data[start + size :]
        return frames

    def play(self, case: Case) -> None:
        """Check that *case* goes as it must, to the end of the connection."""
        for piece in case.sent:
            self.send(piece)
        frames = self.read()
        if case.code is not None:
            assert frames[:-1] == list(case.frames)
            self.check_failure(frames, case.code)
        elif frames and frames[-1][0] == CLOSE:  # the client closed
            assert frames == list(case.frames)
            assert self.client.is_closed_by_server
        else:
            assert frames == list(case.frames)
            self.check_close()
        self.site.close()

    def check_failure(self, frames: list[Frame], code: int) -> None:
        """The server has said why it closes, says and reads nothing more, and closes soon."""
        opcode, payload = frames[-1]
        assert (opcode, payload[:2]) == (CLOSE, struct.pack("!H", code))
        assert payload[2:].decode("utf-8")
        assert self.client.is_closed_by_server
        self.send(frame(TEXT, b"more"))
        assert self.read() == []
        self.site.clock.advance(1.0)
        assert self.client.transport.disconnecting
        assert sum(self.site.faults.counts.values()) == 1

    def check_close(self) -> None:
        """The client closes in order, and the server agrees."""
        self.send(frame(CLOSE, struct.pack("!H", 1000)))
        assert self.read() == [(CLOSE, struct.pack("!H", 1000))]
        assert self.client.is_closed_by_server
        assert not self.client.transport.is_aborted


def play(case: Case) -> None:
    """Check that *case* goes as it must."""
    Echo(**case.options).play(case)


def inflate(payload: bytes) -> bytes:
    """Return what a compressed message of the server holds, with a window of 4 KB and no context."""
    return zlib.decompressobj(-12).decompress(payload + b"\x00\x00\xff\xff")


def deflate(payload: bytes, bits: int = 15) -> bytes:
    """Return a compressed message as a client sends it."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def with_bits(data: bytes, bits: int) -> bytes:
    """Return *data* with the reserved bits of its first frame set."""
    return bytes([data[0] | bits << 4]) + data[1:]
