"""What an interface server was told, and what all of its connections share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.clients.access_log import Entry
from zmqlayer.interface.farewells import Farewells
from zmqlayer.interface.faults import Faults
from zmqlayer.interface.tally import Tally
from zmqlayer.ports import ServerLayer

if TYPE_CHECKING:
    from zmqlayer.interface.clients.proxies import Proxies

__all__ = ["Context", "Reactor", "ServerOptions", "Timer"]

NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*"
"""A token (RFC 9110, 5.6.2), or nothing."""
VALUE: Final = r"(?:[!-~\xa1-\xff](?:[\t -~\xa0-\xff]*[!-~\xa1-\xff])?)?"
"""Without the control characters that RFC 9110, 5.5 lets pass, and without blanks at its ends."""
MAY_BE_ZERO: Final = frozenset(
    {
        "websocket_timeout_s",
        "ping_interval_s",
        "ping_timeout_s",
        "body_min_rate",
        "max_body_size",
        "connections_per_address",
        "stop_delay_s",
    }
)
HEADER_NAME: Final = "is no name of a header; use letters, digits and hyphens"
FORMS: Final = {
    "server_name": (VALUE, "is no value of a header; use printable characters of Latin-1"),
    "proxy_headers_host": (NAME, HEADER_NAME),
    "proxy_headers_port": (NAME, HEADER_NAME),
    "proxy_headers_proto": (NAME, HEADER_NAME),
    "proxy_headers_site": (NAME, HEADER_NAME),
    "root_path": (r"(?:/[^\ud800-\udfff]*)?", "is no path like '/site' in UTF-8"),
    "allowed_hosts": (
        r"\*|\.?[\w-]+(?:\.[\w-]+)*|\[[0-9A-Fa-f:.]+\]",
        "is no name of a host; leave scheme, port and path out, as in 'example.com' or '.example.com', and put IPv6 in "
        "brackets",
    ),
}
"""What matches each text, or each of several, and what one is that does not."""
MOST: Final = 2**32 - 1
TOLD: Final = ("max_streams", "max_header_size")
"""What clients are told in the settings of HTTP/2, in 32 bits (RFC 9113, 6.5.1)."""
RELATIONS: Final = (("max_url_size", "max_header_size"),)
"""Each first is at most the second."""


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
    Limits and times of one server. Times are seconds, sizes are bytes; 0 means none where it says so.

    Attributes:
        http_timeout_s: From a request, or the last piece of its body that found room on the way to the worker, to the
            first message of its response.
        worker_timeout_s: How long a request waits while no worker is known at all.
        websocket_connect_timeout_s: From a WebSocket's request to the worker's answer.
        websocket_timeout_s: The longest life of a WebSocket; 0 for any.
        ping_interval_s: Between two pings to a WebSocket client; 0 sends none.
        ping_timeout_s: From a ping to the pong, or to any frame; 0 waits for ever.
        keep_alive_timeout_s: From a response to the next request's first byte.
        header_timeout_s: From a request's first byte to the end of its head.
        body_timeout_s: Without a byte of a body that we are ready to take.
        body_min_rate: Bytes per second below which a body's sender is cut off after body_timeout_s; 0 for any.
        write_timeout_s: While the client takes nothing of what was written; up to a quarter longer after it took some.
        stop_timeout_s: For responses and goodbyes, once the server stops.
        stop_delay_s: For which a server that was told to stop goes on serving, while it says that it is not ready.
        max_url_size: Of a request target.
        max_header_size: Of a request's head in all.
        max_headers: Number of fields in a head.
        max_body_size: Of a request's body; 0 for any.
        body_inline_size: A body up to this is a part of its message; a longer one is streamed.
        body_chunk_size: Of one message with a piece of a longer body.
        max_message_size: The layer's limit for one message; a body's pieces are kept well below it.
        max_streams: Requests at a time on one HTTP/2 connection.
        websocket_max_message_size: Of one message from a WebSocket client, after decompression.
        websocket_max_frame_size: Of one frame from a WebSocket client.
        websocket_compression: Whether permessage-deflate is offered.
        websocket_parallel: Pass a client's messages on without waiting for the consumer of the one before.
        ws_protocols: Subprotocols to choose from where a worker names none, the preferred first.
        allowed_hosts: Host names served; a leading dot stands for all subdomains. Empty: any.
        allowed_origins: Origins whose pages may open WebSockets. Empty: any.
        connections_per_address: Open at a time from one address; 0 for any.
        root_path: Prefix under which the site is mounted, passed to workers.
        server_name: Value of the Server header; empty for none.
        http2: Whether HTTP/2 is offered to clients that come by TLS.
        proxy_headers: Whether to believe proxies that tell of the client behind them.
        forwarded_allow_ips: Addresses and networks of these proxies, or ``*``. A UNIX socket's peers always count.
        proxy_headers_host: The header that tells the client's address, and those of proxies on the way.
        proxy_headers_port: The header that tells the port that the client called; empty for none.
        proxy_headers_proto: The header that tells whether the client came by TLS; empty for none.
        proxy_headers_site: The header that tells the host that the client called; empty for none.
        liveness_path: Path where the server itself says that it runs; empty for none.
        readiness_path: Path where the server itself says whether requests are answered; empty for none.

    Raises:
        ConfigError: A time or a size is out of range, a relation between two of them does not hold, a text cannot be
            sent, a host is none, or both probes have one path.
    """

    http_timeout_s: float = 120.0
    worker_timeout_s: float = 10.0
    websocket_connect_timeout_s: float = 5.0
    websocket_timeout_s: float = 86_400.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 30.0
    keep_alive_timeout_s: float = 60.0
    header_timeout_s: float = 20.0
    body_timeout_s: float = 20.0
    body_min_rate: int = 500
    write_timeout_s: float = 60.0
    stop_timeout_s: float = 10.0
    stop_delay_s: float = 0.0
    max_url_size: int = 8_192
    max_header_size: int = 32_768
    max_headers: int = 100
    max_body_size: int = 0
    body_inline_size: int = 262_144
    body_chunk_size: int = 65_536
    max_message_size: int = 1_048_576
    max_streams: int = 100
    websocket_max_message_size: int = 1_048_576
    websocket_max_frame_size: int = 1_048_576
    websocket_compression: bool = True
    websocket_parallel: bool = False
    ws_protocols: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    connections_per_address: int = 0
    root_path: str = ""
    server_name: str = "zmqlayer"
    http2: bool = True
    proxy_headers: bool = False
    forwarded_allow_ips: tuple[str, ...] = ("127.0.0.1", "::1")
    proxy_headers_host: str = "X-Forwarded-For"
    proxy_headers_port: str = "X-Forwarded-Port"
    proxy_headers_proto: str = "X-Forwarded-Proto"
    proxy_headers_site: str = ""
    liveness_path: str = ""
    readiness_path: str = ""

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_texts()

    def _check_numbers(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                _check_range(option.name, value)
        for smaller, larger in RELATIONS:
            if getattr(self, smaller) > getattr(self, larger):
                raise ConfigError(smaller, f"{getattr(self, smaller):,} is above {larger} ({getattr(self, larger):,})")

    def _check_texts(self) -> None:
        for name, (form, problem) in FORMS.items():
            value = getattr(self, name)
            for text in (value,) if isinstance(value, str) else value:
                if not re.fullmatch(form, text, re.ASCII):
                    raise ConfigError(name, f"{text!r:.80} {problem}")
        if self.readiness_path and self.readiness_path == self.liveness_path:
            raise ConfigError("readiness_path", f"{self.readiness_path!r} is liveness_path, too; choose another")


@dataclass(frozen=True, slots=True)
class Context:
    """
    What every connection of one server uses.

    Attributes:
        reactor: Clock and timers.
        log_access: Takes what the access log tells of one response.
        faults: Where each fault of a client is noted.
        tally: Where each response is counted.
        proxies: Those that are believed; None for none.
        probe: Answers a request for one of the server's own paths with a status and a sentence.
        farewells: Tells workers of bodies that end before their end.
    """

    layer: ServerLayer
    options: ServerOptions
    reactor: Reactor
    log_access: Callable[[Entry], object] | None = None
    faults: Faults = field(default_factory=Faults)
    tally: Tally = field(default_factory=Tally)
    proxies: Proxies | None = None
    probe: Callable[[str], tuple[int, str] | None] | None = None
    farewells: Farewells = field(default_factory=Farewells)


def _check_range(name: str, value: float) -> None:
    if name in MAY_BE_ZERO and not value >= 0:
        raise ConfigError(name, f"{value!r} is below 0")
    if name not in MAY_BE_ZERO and not value > 0:
        raise ConfigError(name, f"{value!r} is not above 0")
    if value == inf:
        raise ConfigError(name, f"{value!r} is no length of time; take a large one, like 1e9")
    if name in TOLD and value > MOST:
        raise ConfigError(name, f"{value:,} is above {MOST:,}, the most that HTTP/2 can tell a client")
