"""
Django's response as messages for a reply channel.

A thread iterates with :func:`encode_response`, a coroutine with :func:`aencode_response`. Both take the content of a
streaming response piece by piece, whichever kind of iterator it has: nothing is collected before it is sent, so that
streams without an end work from either kind of view.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from functools import lru_cache, partial
from typing import Any, Final, cast

from asgiref.sync import sync_to_async
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from zmqlayer.messages import Header
from zmqlayer.messages import HttpResponse as Part

__all__ = ["aencode_response", "encode_headers", "encode_response"]

END: Final = object()


def encode_headers(response: HttpResponseBase) -> list[Header]:
    """Return the response's headers as the draft wants them, with one ``set-cookie`` for each cookie."""
    headers = [[_encode_name(name), value.encode("latin-1")] for name, value in response.items()]
    if response.cookies:
        headers += [[b"set-cookie", cookie.OutputString().encode()] for cookie in response.cookies.values()]
    return headers


def encode_response(response: HttpResponseBase, chunk_size: int, has_body: bool = True) -> Generator[Part]:
    """
    Turn *response* into messages: the first has the status, and all but the last say that more follows.

    A streaming response is iterated piece by piece, each sent as soon as it is there.

    Args:
        chunk_size: Bytes of content that one message may carry.
        has_body: False for a response to ``HEAD``, which ends with its headers.
    """
    head: Part = {"status": response.status_code, "headers": encode_headers(response)}
    if has_body and isinstance(response, StreamingHttpResponse):
        yield {**head, "content": b"", "more_content": True}
        for piece in _iterate(response, chunk_size):
            yield from _encode_piece(piece, chunk_size)
        yield {"content": b"", "more_content": False}
        return
    content = cast(HttpResponse, response).content if has_body else b""
    if len(content) <= chunk_size:
        head["content"], head["more_content"] = content, False
        yield head
    else:
        yield from _encode_long(head, content, chunk_size)


async def aencode_response(
    response: HttpResponseBase, chunk_size: int, has_body: bool = True
) -> AsyncGenerator[Part, None]:
    """
    Turn *response* into messages as :func:`encode_response` does, on an event loop.

    The steps of an iterator that is no asynchronous one are made in Django's thread for synchronous code.
    """
    if not isinstance(response, StreamingHttpResponse) or not has_body:
        for part in encode_response(response, chunk_size, has_body):
            yield part
        return
    yield Part(status=response.status_code, headers=encode_headers(response), content=b"", more_content=True)
    async with aclosing(_aiterate(response, chunk_size)) as contents:
        async for content in contents:
            for part in _encode_piece(content, chunk_size):
                yield part
    yield {"content": b"", "more_content": False}


@lru_cache(maxsize=256)
def _encode_name(name: str) -> bytes:
    return name.lower().encode("ascii")


def _encode_long(head: Part, content: bytes, chunk_size: int) -> Iterator[Part]:
    for start in range(0, len(content), chunk_size):
        part = Part(content=content[start : start + chunk_size], more_content=start + chunk_size < len(content))
        yield part if start else {**head, **part}


def _encode_piece(content: bytes, chunk_size: int) -> Iterator[Part]:
    for start in range(0, len(content), chunk_size):
        yield {"content": content[start : start + chunk_size], "more_content": True}


def _iterate(response: StreamingHttpResponse, chunk_size: int) -> Iterator[bytes]:
    if not response.is_async:
        _widen(response, chunk_size)
        yield from cast(Iterator[bytes], response.streaming_content)
        return
    with asyncio.Runner() as runner:
        contents = cast(AsyncGenerator[bytes, None], response.streaming_content)
        try:
            while (content := runner.run(_anext(contents))) is not END:
                yield content
        finally:
            runner.run(_aclose(response, contents))


async def _aiterate(response: StreamingHttpResponse, chunk_size: int) -> AsyncGenerator[bytes, None]:
    if response.is_async:
        contents = cast(AsyncGenerator[bytes, None], response.streaming_content)
        try:
            async for content in contents:
                yield content
        finally:
            await _aclose(response, contents)
        return
    _widen(response, chunk_size)
    step = sync_to_async(partial(next, cast(Iterator[Any], response.streaming_content), END))
    while (content := await step()) is not END:
        yield content


async def _anext(contents: AsyncIterator[bytes]) -> Any:
    return await anext(contents, END)


async def _aclose(response: StreamingHttpResponse, contents: AsyncGenerator[bytes, None]) -> None:
    """Close what Django wraps around the view's iterator, and the iterator: its ``finally`` runs here and now."""
    await contents.aclose()
    close = getattr(response._iterator, "aclose", None)  # type: ignore[attr-defined]  # it has no public name
    if close is not None:
        await close()


def _widen(response: StreamingHttpResponse, chunk_size: int) -> None:
    """Let a file be read in full chunks."""
    if isinstance(response, FileResponse):
        response.block_size = chunk_size
