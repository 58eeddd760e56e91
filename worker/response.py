"""Django's response as messages for a reply channel. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from zmqlayer.messages import Header
from zmqlayer.messages import HttpResponse as Part

__all__ = ["encode_headers", "encode_response"]


def encode_headers(response: HttpResponseBase) -> list[Header]:
    """Return the response's headers as the draft wants them, with one ``set-cookie`` for each cookie."""
    headers = [[name.lower().encode("ascii"), value.encode("latin-1")] for name, value in response.items()]
    cookies = [[b"set-cookie", cookie.OutputString().encode()] for cookie in response.cookies.values()]
    return headers + cookies


def encode_response(response: HttpResponseBase, chunk_size: int, has_body: bool = True) -> Iterator[Part]:
    """
    Turn *response* into messages: the first has the status, and all but the last say that more follows.

    A streaming response is iterated piece by piece, each sent as soon as it is there.

    Args:
        chunk_size: Bytes of content that one message may carry.
        has_body: False for a response to ``HEAD``, which ends with its headers.
    """
    head = Part(status=response.status_code, headers=encode_headers(response))
    if not has_body:
        yield {**head, "content": b"", "more_content": False}
    elif isinstance(response, StreamingHttpResponse):
        yield {**head, "content": b"", "more_content": True}
        yield from _encode_stream(response, chunk_size)
    else:
        pieces = list(_split(cast(HttpResponse, response).content, chunk_size)) or [b""]
        for index, piece in enumerate(pieces):
            part = Part(content=piece, more_content=index < len(pieces) - 1)
            yield part if index else {**head, **part}


def _encode_stream(response: StreamingHttpResponse, chunk_size: int) -> Iterator[Part]:
    if isinstance(response, FileResponse):
        response.block_size = chunk_size
    for content in response:
        for piece in _split(content, chunk_size):
            yield {"content": piece, "more_content": True}
    yield {"content": b"", "more_content": False}


def _split(content: bytes, chunk_size: int) -> Iterator[bytes]:
    for start in range(0, len(content), chunk_size):
        yield content[start : start + chunk_size]
