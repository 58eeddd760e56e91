"""One line per response in NCSA's combined format, which every log reader knows. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

__all__ = ["Entry", "combined_line"]

UNSAFE: Final = re.compile(rb'[^\x20-\x7e]|["\\]')
MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
"""Not from the locale."""


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What is logged of one response.

    Attributes:
        client: Address of the client, or ``-``.
        ended_at: Seconds since 1970.
        request_line: As the client sent it, or ``-`` where it is not known.
        size: Bytes of content that were sent.
    """

    client: str
    ended_at: float
    request_line: bytes
    status: int
    size: int
    referer: bytes = b"-"
    user_agent: bytes = b"-"


def combined_line(entry: Entry) -> str:
    """Return the line, without its end; bytes that could break it are written as ``\\xNN``."""
    quoted = [f'"{_escape(text)}"' for text in (entry.request_line, entry.referer, entry.user_agent)]
    size = entry.size or "-"
    return f"{entry.client} - - [{_date(entry.ended_at)}] {quoted[0]} {entry.status} {size} {quoted[1]} {quoted[2]}"


def _date(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day:02}/{MONTHS[when.month - 1]}/{when.year}:{when:%H:%M:%S} +0000"


def _escape(text: bytes) -> str:
    return UNSAFE.sub(lambda match: b"\\x%02x" % match[0][0], text).decode("ascii")
