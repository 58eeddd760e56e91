"""One line per response: in NCSA's combined format, which every log reader knows, or as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from zmqlayer.interface.escaping import escape

__all__ = ["FORMATS", "Entry", "combined_line", "json_line"]

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
        duration_s: From the end of its head to the end of the response; of a WebSocket, to its opening.
    """

    client: str
    ended_at: float
    request_line: bytes
    status: int
    size: int
    referer: bytes = b"-"
    user_agent: bytes = b"-"
    duration_s: float = 0.0


def combined_line(entry: Entry) -> str:
    """Return the line, without its end; bytes that could break it are written as ``\\xNN``."""
    quoted = [f'"{escape(text)}"' for text in (entry.request_line, entry.referer, entry.user_agent)]
    size = entry.size or "-"
    return f"{entry.client} - - [{_date(entry.ended_at)}] {quoted[0]} {entry.status} {size} {quoted[1]} {quoted[2]}"


def json_line(entry: Entry) -> str:
    """Return an object on one line, without its end; bytes are read as Latin-1, as they are on the wire."""
    method, _, rest = entry.request_line.decode("latin-1").partition(" ")
    target, _, protocol = rest.rpartition(" ")
    return json.dumps(
        {
            "time": datetime.fromtimestamp(entry.ended_at, UTC).isoformat(timespec="milliseconds"),
            "client": entry.client,
            "method": method,
            "target": target,
            "protocol": protocol,
            "status": entry.status,
            "size": entry.size,
            "duration_ms": round(entry.duration_s * 1000, 1),
            "referer": entry.referer.decode("latin-1"),
            "user_agent": entry.user_agent.decode("latin-1"),
        }
    )


def _date(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day:02}/{MONTHS[when.month - 1]}/{when.year}:{when:%H:%M:%S} +0000"


FORMATS: Final[Mapping[str, Callable[[Entry], str]]] = {"ncsa": combined_line, "json": json_line}
"""By the name that the operator chooses."""
