"""What stands around one stream of HTTP/2 in tests: its connection and its request, which note what they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from h2.errors import ErrorCodes

from zmqlayer.interface.clients.head import Field, Head
from zmqlayer.interface.clients.http2_stream import Http2Stream


@dataclass
class RecordedSession:
    """A connection that notes what its stream asks for."""

    is_congested: bool = False
    is_secure: bool = True
    time: float = 0.0
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def expect(self, at: float) -> None:
        self.asked.append(("expect", at))

    def send_head(self, stream: Http2Stream, status: int, fields: Sequence[Field]) -> None:
        self.asked.append(("head", status))

    def send_soon(self, stream: Http2Stream) -> None:
        self.asked.append(("send",))

    def invite(self, stream: Http2Stream, size: int) -> None:
        self.asked.append(("invite", size))

    def reset(self, stream: Http2Stream, code: ErrorCodes) -> None:
        self.asked.append(("reset", code))

    def take(self) -> list[tuple[object, ...]]:
        """Return what was asked for since the last call."""
        taken, self.asked = self.asked, []
        return taken


@dataclass
class RecordedReceiver:
    """A request that notes what it is told."""

    told: list[object] = field(default_factory=list)

    def open(self, head: Head) -> None:
        self.told.append("open")

    def refuse(self, status: int, sentence: str, fault: str = "") -> None:
        self.told.append(status)

    def received(self, data: bytes) -> None:
        self.told.append(data)

    def completed(self) -> None:
        self.told.append("completed")

    def spoiled(self, status: int, sentence: str, fault: str) -> None:
        self.told.append((status, fault))

    def lost(self) -> None:
        self.told.append("lost")

    def congested(self) -> None:
        self.told.append("congested")

    def relieved(self) -> None:
        self.told.append("relieved")

    def stop(self) -> None:
        self.told.append("stop")
