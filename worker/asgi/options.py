"""What an ASGI worker was told: one frozen, checked object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zmqlayer.config import WORKER_PREFETCH
from zmqlayer.exceptions import ConfigError
from zmqlayer.messages import HTTP_REQUEST, WEBSOCKET_CONNECT

__all__ = ["CHANNELS", "LOOPS", "MOST_GRACE_S", "AsgiOptions"]

CHANNELS: Final = (HTTP_REQUEST, WEBSOCKET_CONNECT)
"""What begins a connection; what else happens to one comes by invitation."""
LOOPS: Final = ("auto", "asyncio", "uvloop")
MOST_GRACE_S: Final = 86_400
"""A parent of processes can wait for some weeks at most, as the system counts it."""


@dataclass(frozen=True, slots=True)
class AsgiOptions:
    """
    How an application is run.

    Attributes:
        name: What to call the application in front of people.
        channels: What to read.
        limit_concurrency: Requests and WebSockets at a time; when there are so many, nothing is read.
        graceful_timeout_s: Seconds that requests have to finish when the worker stops, at most a day.
        loop: One of :data:`LOOPS`; ``auto`` takes uvloop if it is installed.
        prefetch: Messages that may be on their way here before they are wanted.
    """

    name: str = "an ASGI application"
    channels: tuple[str, ...] = CHANNELS
    limit_concurrency: int = 1000
    graceful_timeout_s: float = 10.0
    loop: str = "auto"
    prefetch: int = WORKER_PREFETCH

    @property
    def ending_s(self) -> float:
        """Seconds that the application may take to end: first its requests, then its own life."""
        return 2 * self.graceful_timeout_s

    def __post_init__(self) -> None:
        if not self.channels or not set(self.channels) <= set(CHANNELS):
            known = ", ".join(CHANNELS)
            raise ConfigError("channels", f"an ASGI worker reads one or more of {known}, not {self.channels!r}")
        if self.limit_concurrency < 1:
            raise ConfigError("limit_concurrency", f"{self.limit_concurrency!r} is below 1")
        if not 0 <= self.graceful_timeout_s <= MOST_GRACE_S:
            raise ConfigError("graceful_timeout", f"{self.graceful_timeout_s!r} is not from 0 to {MOST_GRACE_S:,}")
        if self.prefetch < 0:
            raise ConfigError("prefetch", f"{self.prefetch!r} is below 0")
        if self.loop not in LOOPS:
            raise ConfigError("loop", f"{self.loop!r} is none of {', '.join(LOOPS)}")
