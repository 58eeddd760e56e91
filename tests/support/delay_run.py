"""What the delay server's tests share: a layer whose time passes only by waiting, and requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from support.memory_layer import Content, MemoryLayer
from zmqlayer.worker.delay.delayed import Delayed, pack

START = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
"""A minute before clocks in Europe go forward."""


@dataclass
class TimedLayer(MemoryLayer):
    """A receiver waits in no time, by moving the clock."""

    passed_s: float = 0.0
    waits: list[float] = field(default_factory=list)
    log: list[tuple[float, str, Content]] = field(default_factory=list)

    def send(self, channel: str, message: Content) -> None:
        """Send, and note when."""
        super().send(channel, message)
        self.log.append((round(self.passed_s, 2), channel, message))

    def clock(self) -> float:
        """Return monotonic seconds."""
        return self.passed_s

    def today(self) -> datetime:
        """Return the time of day in UTC."""
        return START + timedelta(seconds=self.passed_s)

    def receive(
        self, channels: Sequence[str], block: bool = False, timeout: float = 5.0
    ) -> tuple[str, Content] | tuple[None, None]:
        """Take a message, or let *timeout* seconds pass."""
        channel, content = super().receive(channels)
        if channel is None or content is None:
            self.waits.append(timeout)
            self.passed_s += timeout
            return None, None
        return channel, content


def request(number: int = 0, delay: Any = 1_000, channel: Any = "reminders") -> Content:
    """A message for ``asgi.delay``."""
    return {"channel": channel, "delay": delay, "content": {"number": number}}


def delayed(number: int = 0, channel: str = "reminders") -> Delayed:
    """A message that waits."""
    return pack(channel, {"number": number}, 1_000)


def numbers(messages: Sequence[Delayed]) -> list[int]:
    """Return what :func:`delayed` was given."""
    return [message.content()["number"] for message in messages]
