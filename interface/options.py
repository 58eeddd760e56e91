"""What an interface server was told, and what all of its connections share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from zmqlayer.exceptions import ConfigError
from zmqlayer.ports import ServerLayer

__all__ = ["Context", "Reactor", "ServerOptions", "Timer"]


class Timer(Protocol):
    """A call in the future, as Twisted's reactor plans it."""

    def active(self) -> bool:
        """Whether the call has been neither made nor cancelled."""

    def cancel(self) -> None:
        """Do not make the call."""


class Reactor(Protocol):
    """Clock and timers: Twisted's reactor, or a test's clock."""

    def seconds(self) -> float:
        """Return the seconds since 1970."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Timer:
        """Call *callable* in *delay* seconds."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """
    Limits and times of one server.

    Attributes:
        http_timeout_s: From a request's last byte to the first message of its response.
        websocket_connect_timeout_s: From a WebSocket's request to the worker's answer.
        ping_interval_s: Between two pings to a WebSocket client; 0 sends none.
        ping_timeout_s: From a ping to the pong, or to any frame; 0 waits for ever.
        idle_timeout_s: Without a byte from an HTTP client that owes us some.
        websocket_max_message_size: Bytes of one message from a WebSocket client.
        max_message_size: The layer's limit in bytes; a request and its body are one message.
        root_path: Prefix under which the site is mounted, passed to workers.

    Raises:
        ConfigError: A time or a size is out of range.
    """

    http_timeout_s: float = 120.0
    websocket_connect_timeout_s: float = 5.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 30.0
    idle_timeout_s: int = 60
    websocket_max_message_size: int = 1_048_576
    max_message_size: int = 1_048_576
    root_path: str = ""

    def __post_init__(self) -> None:
        for name in ("http_timeout_s", "websocket_connect_timeout_s", "idle_timeout_s", "websocket_max_message_size"):
            if not getattr(self, name) > 0:
                raise ConfigError(name, f"{getattr(self, name)!r} is not above 0")
        for name in ("ping_interval_s", "ping_timeout_s"):
            if not getattr(self, name) >= 0:
                raise ConfigError(name, f"{getattr(self, name)!r} is below 0")


@dataclass(frozen=True, slots=True)
class Context:
    """
    What every connection of one server uses.

    Attributes:
        reactor: Clock and timers.
        log_access: Takes one finished line of the access log.
    """

    layer: ServerLayer
    options: ServerOptions
    reactor: Reactor
    log_access: Callable[[str], object] | None = None
