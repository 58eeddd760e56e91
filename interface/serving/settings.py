"""
Every option of the command, once. Pure.

``command`` makes flags of this table, ``given`` reads the environment and files by it, and ``--help`` and the
documentation show it. The name of an option is its flag without the dashes: ``--http-timeout`` is
``ZMQLAYER_INTERFACE_HTTP_TIMEOUT`` in the environment, and ``http_timeout`` in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from zmqlayer.interface.options import ServerOptions
from zmqlayer.interface.serving import kinds
from zmqlayer.interface.serving.kinds import Reader

__all__ = ["BY_NAME", "EXTRA", "FILE_VARIABLE", "PREFIX", "SECTIONS", "SETTINGS", "Setting"]

PREFIX: Final = "ZMQLAYER_INTERFACE_"
FILE_VARIABLE: Final = f"{PREFIX}CONFIG"

EXTRA: Final = frozenset({"autobahn", "cryptography", "h2", "httptools", "OpenSSL", "twisted"})
"""Packages of the optional extra: those that a server imports."""

LISTENING: Final = "Listening"
TLS: Final = "TLS"
HTTP: Final = "HTTP"
WEBSOCKET: Final = "WebSocket"
LIMITS: Final = "Limits"
PROXIES: Final = "Behind a proxy"
LOGGING: Final = "Logging"
LIFE: Final = "Health, stopping"

SECTIONS: Final = (LISTENING, TLS, HTTP, WEBSOCKET, LIMITS, PROXIES, LOGGING, LIFE)
"""In the order in which help shows them."""

DEFAULTS: Final[Mapping[str, Any]] = {option.name: option.default for option in fields(ServerOptions)}


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One option.

    Attributes:
        metavar: What stands for its value in help; empty for a switch.
        read: Makes its value of what was given.
        short: One letter with its dash.
        aliases: Further flags, which help does not show.
        field: The field of :class:`ServerOptions` that it sets; empty if it is about something else.
        default: Where it is no field's.
        negation: What ``--no-<name>`` stands for; None if there is no such flag.
    """

    name: str
    section: str
    metavar: str
    read: Reader
    help: str
    short: str = ""
    aliases: tuple[str, ...] = ()
    field: str = ""
    default: Any = None
    negation: Any = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def negative_flag(self) -> str:
        return "--no-" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def is_repeatable(self) -> bool:
        return self.read in (kinds.lines, kinds.paths, kinds.endpoints, kinds.ports)

    @property
    def value_if_absent(self) -> Any:
        return DEFAULTS[self.field] if self.field else self.default


def _seconds(name: str, section: str, help: str, **more: Any) -> Setting:
    return Setting(name, section, "SECONDS", kinds.seconds, help, field=f"{name}_s", **more)


def _size(name: str, section: str, help: str) -> Setting:
    return Setting(name, section, "BYTES", kinds.size, help, field=name)


def _count(name: str, section: str, help: str) -> Setting:
    return Setting(name, section, "N", kinds.number, help, field=name)


def _text(name: str, section: str, metavar: str, help: str, **more: Any) -> Setting:
    return Setting(name, section, metavar, kinds.text, help, **{"field": name, **more})


def _switch(name: str, section: str, help: str) -> Setting:
    return Setting(name, section, "", kinds.switch, help, field=name, negation=False)


def _underscored(name: str) -> tuple[str]:
    """Return the spelling of an option that Daphne writes with underscores."""
    return (f"--{name}",)


SETTINGS: Final = (
    Setting(
        "bind",
        LISTENING,
        "HOST[:PORT]",
        kinds.lines,
        "Listen on this address; several times for several. Without a port, on each --port. [default: 127.0.0.1]",
        short="-b",
    ),
    Setting(
        "port",
        LISTENING,
        "PORT",
        kinds.ports,
        "Listen on this port of each --bind; 0 for any that is free. [default: 8000]",
        short="-p",
    ),
    Setting("unix_socket", LISTENING, "PATH", kinds.paths, "Listen on this UNIX socket.", short="-u"),
    Setting(
        "unix_socket_mode",
        LISTENING,
        "MODE",
        kinds.mode,
        "Who may connect to it. [default: 666]",
        default=0o666,
    ),
    Setting(
        "fd",
        LISTENING,
        "N",
        kinds.ports,
        "Listen on this inherited socket. Those that systemd passes are found without it.",
    ),
    Setting(
        "endpoint",
        LISTENING,
        "STRING",
        kinds.endpoints,
        "Listen on what this endpoint string of Twisted's describes.",
        short="-e",
    ),
    Setting(
        "backlog",
        LISTENING,
        "N",
        kinds.positive,
        "Connections that the system keeps until they are accepted. [default: 2048]",
        default=2048,
    ),
    Setting(
        "tls_cert",
        TLS,
        "FILE",
        kinds.text,
        "Speak TLS on TCP ports with this certificate and its chain, in PEM. SIGHUP reads it again.",
        aliases=("--certfile", "--ssl-certfile"),
        default="",
    ),
    Setting(
        "tls_key",
        TLS,
        "FILE",
        kinds.text,
        "Its private key. [default: in the file of the certificate]",
        aliases=("--keyfile", "--ssl-keyfile"),
        default="",
    ),
    _switch("http2", TLS, "Do not offer HTTP/2 to clients that come by TLS."),
    _seconds(
        "http_timeout",
        HTTP,
        "Answer 503 if no worker began a response by then.",
        short="-t",
        aliases=_underscored("http_timeout"),
    ),
    _seconds("worker_timeout", HTTP, "Answer 503 if no worker at all is known by then."),
    _seconds("keep_alive_timeout", HTTP, "Close a connection that is idle for so long."),
    _text("root_path", HTTP, "PATH", "Tell workers that the site is mounted here.", aliases=_underscored("root_path")),
    _text(
        "server_name",
        HTTP,
        "TEXT",
        "The Server header.",
        short="-s",
        aliases=_underscored("server_name"),
        negation="",
    ),
    Setting(
        "allowed_host",
        HTTP,
        "NAME",
        kinds.lines,
        "Answer 400 to requests for other hosts; .example.com stands for all below it too. [default: any]",
        field="allowed_hosts",
    ),
    _seconds(
        "websocket_connect_timeout",
        WEBSOCKET,
        "Answer 503 if no worker accepted a WebSocket by then.",
        aliases=_underscored("websocket_connect_timeout"),
    ),
    _seconds(
        "websocket_timeout",
        WEBSOCKET,
        "The longest life of a WebSocket; 0 for any.",
        aliases=_underscored("websocket_timeout"),
    ),
    _seconds(
        "ping_interval", WEBSOCKET, "Ping clients this often; 0 for never.", aliases=_underscored("ping_interval")
    ),
    _seconds(
        "ping_timeout",
        WEBSOCKET,
        "Cut off a client that does not answer a ping by then; 0 for never.",
        aliases=_underscored("ping_timeout"),
    ),
    _size("websocket_max_message_size", WEBSOCKET, "Close with 1009 if a client sends more in one message."),
    _size("websocket_max_frame_size", WEBSOCKET, "The same for one frame."),
    _switch("websocket_compression", WEBSOCKET, "Do not offer permessage-deflate."),
    _switch(
        "websocket_parallel",
        WEBSOCKET,
        "Pass a client's messages on without waiting for the consumer of the one before.",
    ),
    Setting(
        "ws_protocol",
        WEBSOCKET,
        "NAME",
        kinds.lines,
        "A subprotocol to choose where a worker names none; the preferred first.",
        aliases=_underscored("ws_protocol"),
        field="ws_protocols",
    ),
    Setting(
        "allowed_origin",
        WEBSOCKET,
        "ORIGIN",
        kinds.lines,
        "Answer 403 to WebSockets from pages of other origins. [default: any]",
        field="allowed_origins",
    ),
    _size("max_url_size", LIMITS, "Of a request's target; else 414."),
    _size("max_header_size", LIMITS, "Of a request's head; else 431."),
    _count("max_headers", LIMITS, "Header fields of a request; else 431."),
    _size("max_body_size", LIMITS, "Of a request's body; else 413. 0 for any."),
    _size("body_inline_size", LIMITS, "A longer body is passed on in pieces."),
    _size("body_chunk_size", LIMITS, "Of such a piece."),
    _seconds("header_timeout", LIMITS, "Answer 408 if a request's head takes longer."),
    _seconds("body_timeout", LIMITS, "Answer 408 if nothing of a body comes for so long."),
    _size("body_min_rate", LIMITS, "Answer 408 if a body comes with fewer bytes a second. 0 for any."),
    _seconds("write_timeout", LIMITS, "Cut off a client that takes nothing of a response for so long."),
    _count("max_streams", LIMITS, "Requests at a time on one connection of HTTP/2."),
    _count("connections_per_address", LIMITS, "Answer 503 to more from one address at a time. 0 for any."),
    _switch("proxy_headers", PROXIES, "Believe the headers below, and Daphne-Root-Path, of a trusted proxy."),
    Setting(
        "forwarded_allow_ips",
        PROXIES,
        "ADDRESS",
        kinds.lines,
        "Trust proxies at this address or network; * for all. UNIX sockets are always trusted. "
        "[default: 127.0.0.1, ::1]",
        aliases=_underscored("forwarded_allow_ips"),
        field="forwarded_allow_ips",
    ),
    _text("proxy_headers_host", PROXIES, "NAME", "Tells the client's address."),
    _text("proxy_headers_port", PROXIES, "NAME", "Tells the port that the client called."),
    _text("proxy_headers_proto", PROXIES, "NAME", "Tells whether the client came by https."),
    _text(
        "proxy_headers_site",
        PROXIES,
        "NAME",
        "Tells the host that the client called; X-Forwarded-Host, if the proxy sets it. [default: none]",
    ),
    _text(
        "access_log",
        LOGGING,
        "FILE",
        "Append a line for each response; - for standard output. SIGHUP opens it again.",
        field="",
        default="",
    ),
    Setting(
        "access_log_format",
        LOGGING,
        "ncsa|json",
        kinds.choice("ncsa", "json"),
        "NCSA's combined format, or an object for each line. [default: ncsa]",
        default="ncsa",
    ),
    Setting(
        "log_fmt",
        LOGGING,
        "FORMAT",
        kinds.log_format,
        "Of the lines on standard error, as Python's logging has it.",
        default="",
    ),
    Setting(
        "verbosity",
        LOGGING,
        "0-3",
        kinds.level,
        "0: warnings. 1: also nodes that come and go. 2: all of zmqlayer. 3: all libraries. [default: 1]",
        short="-v",
        default=1,
    ),
    Setting(
        "liveness_path",
        LIFE,
        "PATH",
        kinds.path,
        "Answer 200 here while the server runs.",
        field="liveness_path",
    ),
    Setting(
        "readiness_path",
        LIFE,
        "PATH",
        kinds.path,
        "Answer 200 here while a worker reads requests, else 503 and why.",
        field="readiness_path",
    ),
    _seconds("stop_delay", LIFE, "After SIGTERM go on for so long, while --readiness-path answers 503."),
    _seconds("stop_timeout", LIFE, "Then let requests and WebSockets end for so long."),
)
"""Every option, in the order in which help shows them."""

BY_NAME: Final[Mapping[str, Setting]] = {setting.name: setting for setting in SETTINGS}
