"""Where a node listens, and who can reach it there. Pure; a part of ``Config``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from zmqlayer.exceptions import ConfigError

__all__ = ["Bind", "is_loopback"]

MAX_PORT: Final = 65534
"""One below the last, which is for the second socket then."""


@dataclass(frozen=True, slots=True)
class Bind:
    """
    Where a node listens: *port* for work and *port* + 1 for the rest, unless it is 0 (any free ones).

    Each secret beyond the first takes the next two ports.
    """

    host: str
    port: int

    @property
    def is_wildcard(self) -> bool:
        """Whether that is all interfaces."""
        return self.host in ("*", "0.0.0.0", "::")

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read ``host``, ``host:port``, ``tcp://host:port``, with ``[...]`` around an IPv6 address.

        Raises:
            ConfigError: None of these forms, or a port above 65534.
        """
        match = re.fullmatch(r"(?:tcp://)?(\[[0-9a-fA-F:.%\w]+\]|[^\[\]:/]+)(?::(\d{1,20}))?", text)
        if not match:
            raise ConfigError("bind", f"{text!r} is not 'host', 'host:port' or 'tcp://host:port'")
        port = int(match[2] or 0)
        if port > MAX_PORT:
            problem = f"{text!r} has port {port}, which is above {MAX_PORT}: the mesh takes the next port, too"
            raise ConfigError("bind", problem)
        return cls(match[1].strip("[]"), port)


def is_loopback(host: str) -> bool:
    """Whether *host* is reachable only from this machine."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None
