"""The pages that the server itself answers with: a status and one sentence, as plain text. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from zmqlayer.interface.clients.handshake import VERSION
from zmqlayer.interface.clients.head import Field

__all__ = ["body_too_large", "own_page", "too_large"]

EXTRA_FIELDS: Final[dict[int, tuple[Field, ...]]] = {
    426: ((b"Upgrade", b"websocket"), (b"Sec-WebSocket-Version", VERSION)),
    503: ((b"Retry-After", b"1"),),
}


def own_page(status: int, sentence: str) -> tuple[tuple[Field, ...], bytes]:
    """Return the headers and the content of a response that says how things are; no cache may keep it."""
    content = f"{status}{_phrase(status)}\n\n{sentence}\n".encode()
    fields = (
        (b"Content-Type", b"text/plain; charset=utf-8"),
        (b"Content-Length", b"%d" % len(content)),
        (b"Cache-Control", b"no-store"),
        *EXTRA_FIELDS.get(status, ()),
    )
    return fields, content


def too_large(limit: int) -> str:
    """Return the sentence for a request whose head, with as much of the body, makes no message of *limit* bytes."""
    return (
        f"The head of the request is too large: with its envelope it must fit into {limit:,} bytes. "
        f"Send fewer headers, or raise max_message_size on every node."
    )


def body_too_large(limit: int) -> str:
    """Return the sentence for a request whose body is longer than *limit* bytes."""
    return f"The body of the request is too large: it may have {limit:,} bytes. Send less, or raise max_body_size."


def _phrase(status: int) -> str:
    known = {each.value: f" {each.phrase}" for each in HTTPStatus}
    return known.get(status, "")  # a worker may refuse a WebSocket with any
