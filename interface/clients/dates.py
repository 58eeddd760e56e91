"""The time of a response, as HTTP writes it (RFC 9110, 5.6.7). Pure."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache

__all__ = ["http_date"]


def http_date(at: float) -> bytes:
    """Return the value of a Date header for *at*, in seconds since 1970."""
    return _format(int(at))


@lru_cache(maxsize=1)
def _format(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")
