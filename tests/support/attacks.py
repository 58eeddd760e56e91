"""What strangers put on the ports of a node: bytes that are no ZMTP, and ZeroMQ messages that are no frames."""

from __future__ import annotations

import random
import socket
import struct
import time
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from zmqlayer.frames import BROADCAST, HEADER_BYTES, Kind, Work, pack, pack_batch, pack_work_batch
from zmqlayer.names import NodeId

__all__ = [
    "MALFORMED",
    "OPENINGS",
    "STRANGER",
    "Opening",
    "Stranger",
    "command",
    "frame",
    "strangers_work",
    "subscriber",
    "talker",
]

STRANGER: Final = NodeId(b"a stranger's id.")
SIGNATURE: Final = b"\xff" + bytes(8) + b"\x7f"


def greeting(mechanism: bytes, minor: int = 0) -> bytes:
    """Return the 64 bytes with which a ZMTP 3 connection begins."""
    return SIGNATURE + bytes([3, minor]) + mechanism.ljust(20, b"\0") + bytes(32)


def command(name: bytes, body: bytes) -> bytes:
    """Return one ZMTP command, of fewer than 256 bytes."""
    content = bytes([len(name)]) + name + body
    return b"\x04" + bytes([len(content)]) + content


def ready(socket_type: bytes) -> bytes:
    """Return the command with which a handshake without a secret ends."""
    return command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", len(socket_type)) + socket_type)


def frame(body: bytes, size: int | None = None, *, has_more: bool = False) -> bytes:
    """Return one message, or one part of several; it may say another size than it has."""
    return bytes([2 + has_more]) + struct.pack(">Q", len(body) if size is None else size) + body


@dataclass(frozen=True, slots=True)
class Opening:
    """
    What a stranger says first, and then no more.

    Attributes:
        then: What it says when the other side has made its greeting.
    """

    name: str
    sent: bytes
    then: bytes = b""


def subscriber(topic: bytes) -> Opening:
    """Return all that a SUB without a secret says to subscribe to one topic."""
    return Opening("a subscription", greeting(b"NULL"), ready(b"SUB") + frame(b"\x01" + topic))


def talker(*said: bytes) -> Opening:
    """Return all that a SUB without a secret says to send frames and commands upstream, by ZMTP 3.1."""
    return Opening("frames upstream", greeting(b"NULL", minor=1), ready(b"SUB") + b"".join(said))


OPENINGS: Final = (
    Opening("silence", b""),
    Opening("zeros", bytes(65_536)),
    Opening("garbage", random.Random(1).randbytes(65_536)),
    Opening("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Opening("tls", bytes.fromhex("16030100c8010000c40303") + bytes(196)),
    Opening("half a signature", SIGNATURE[:5]),
    Opening("half a greeting", greeting(b"NULL")[:40]),
    Opening("greeting of no mechanism", greeting(b"NONSENSE")),
    Opening("greeting and garbage", greeting(b"NULL"), random.Random(2).randbytes(4096)),
    Opening("version 1", b"\x01\x00"),
    Opening("version 1 and 2 GB", b"\x01\x00\xff" + struct.pack(">Q", 2**31)),
    Opening("version 2", SIGNATURE + b"\x01\x08\x00\x00"),
    Opening("half of CURVE's hello", greeting(b"CURVE"), command(b"HELLO", b"\x01\x00" + bytes(60))),
    Opening("a false CURVE hello", greeting(b"CURVE"), command(b"HELLO", b"\x01\x00" + bytes(192))),
    Opening("2 GB in one frame", greeting(b"NULL"), ready(b"PUSH") + frame(b"", 2**31)),
    Opening("2 GB of a subscription", greeting(b"NULL"), ready(b"SUB") + frame(b"\x01", 2**31)),
    Opening("2 GB of READY", greeting(b"NULL"), b"\x06" + struct.pack(">Q", 2**31)),
    subscriber(random.Random(4).randbytes(1_000_000)),
)


def control(body: bytes) -> bytes:
    """Return a HELLO of the stranger with this body."""
    return pack(BROADCAST, Kind.HELLO, STRANGER, 0, "", body)


MALFORMED: Final = {
    "nothing": b"",
    "half a header": bytes(HEADER_BYTES - 1),
    "a target beyond the end": pack(BROADCAST, Kind.HELLO, STRANGER, 0, "", b"")[:-2] + b"\xff\xff",
    "a target that is not ASCII": pack(BROADCAST, Kind.HELLO, STRANGER, 0, "aa", b"").replace(b"aa", b"\xff\xff"),
    "no body": control(b""),
    "no map": control(b"\xc0"),
    "garbage": control(random.Random(3).randbytes(500)),
    "a bomb of depth": control(b"\x91" * 60_000),
    "a bomb of maps": control(b"\x81\xa1a" * 20_000),
    "a bomb of length": control(b"\xdd\xff\xff\xff\xff"),
    "a bomb of text": control(b"\xdb\xff\xff\xff\xff"),
    "a bomb of keys": control(b"\xdf\xff\xff\xff\xff" + b"\xc0" * 1000),
    "an extension": control(b"\x81\xa1a\xd4\x01\x00"),
    "two bodies": control(b"\x80\x80"),
    "half a batch": pack(BROADCAST, Kind.BATCH, STRANGER, 60_000, "a!b", b"\xff\xff" + bytes(100)),
    "half a batch of work": pack(BROADCAST, Kind.WORK_BATCH, STRANGER, 0, "a", b"\xff" * 10 + bytes(100)),
    "a batch that is too long": pack(BROADCAST, Kind.BATCH, STRANGER, 60_000, "a!b", pack_batch([b"\x80"]) + b"\x80"),
}
"""Frames that a node counts as malformed, one each."""


def strangers_work(count: int) -> list[bytes]:
    """Return frames that are sound, and carry messages of somebody whom the node does not know."""
    bodies = {kind: b"\x80" for kind in (Kind.DIRECT, Kind.WORK, Kind.RETURN)} | {
        Kind.BATCH: pack_batch([b"\x80"]),
        Kind.WORK_BATCH: pack_work_batch(Work(0, 1, [(1, 60_000, b"\x80")])),
    }
    kinds = list(bodies.items())
    return [pack(BROADCAST, kind, STRANGER, 60_000, "jobs", body) for kind, body in islice(cycle(kinds), count)]


class Stranger:
    """One TCP connection that says its opening and waits to be thrown out."""

    def __init__(self, port: int, opening: Opening) -> None:
        self.opening = opening
        self.port = port
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5.0)
        try:
            self._socket.sendall(opening.sent)
            if opening.then:
                self._hear_greeting()
                self._socket.sendall(opening.then)
        except OSError:  # thrown out before it was through
            return

    def is_out_by(self, deadline: float) -> bool:
        """Read on, at most until *deadline*, a monotonic second; return whether the other side hung up."""
        try:
            while (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(65_536):
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True
        return False

    def _hear_greeting(self) -> None:
        """Wait for what the other side says by itself: its greeting and, without a secret, READY."""
        heard = b""
        while not (b"\x05READY" in heard or b"CURVE" in heard):
            if not (more := self._socket.recv(65_536)):
                return
            heard += more

    def close(self) -> None:
        """Go."""
        self._socket.close()
