"""
From which pages a browser may open WebSockets: the ``Origin`` of a handshake against a list of patterns. Pure.

Patterns are those of Channels' ``OriginValidator``: ``https://example.com:8443`` names scheme, host and port, with the
usual port where it names none; ``example.com`` is that host with any scheme and port, ``.example.com`` also all its
subdomains; ``*`` is any origin at all. Only browsers send an origin they cannot choose, so this protects users of
browsers from pages of others (RFC 6455, 10.2), and nothing else: a request without an origin passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

__all__ = ["is_allowed_origin"]

PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
ANY: Final = "*"


def is_allowed_origin(values: Sequence[bytes], patterns: Sequence[str]) -> bool:
    """
    Whether a page of this origin may open a WebSocket.

    Args:
        values: Of the fields ``Origin`` in the request; more than one is none that a browser sends.
        patterns: Empty for any origin.
    """
    if not patterns or ANY in patterns or not values:
        return True
    if len(values) > 1:
        return False
    origin = _split(values[0].decode("latin-1").lower())
    return origin is not None and any(_matches(origin, pattern.lower()) for pattern in patterns)


def _split(text: str) -> SplitResult | None:
    """Return the parts of a serialised origin (RFC 6454, 6.2), or None if it is none, like ``null``."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises if it is no number
    except ValueError:
        return None
    is_origin = parts.hostname and parts.scheme and not (parts.path or parts.query or parts.fragment or parts.username)
    return parts if is_origin else None


def _matches(origin: SplitResult, pattern: str) -> bool:
    if "://" not in pattern:
        return _matches_host(origin.hostname or "", pattern.strip("[]"))
    wanted = _split(pattern.rstrip("/"))
    return (
        wanted is not None
        and wanted.scheme == origin.scheme
        and _matches_host(origin.hostname or "", wanted.hostname or "")
        and _port(wanted) == _port(origin)
    )


def _matches_host(host: str, pattern: str) -> bool:
    if pattern.startswith("."):
        return host == pattern[1:] or host.endswith(pattern)
    return host == pattern


def _port(parts: SplitResult) -> int | None:
    return parts.port or PORTS.get(parts.scheme)
