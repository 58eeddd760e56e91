"""Views that say hello, send and take as many bytes as asked for, and one that is asked before measuring begins."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

CHUNK = b"x" * 65_536


def ready(request: HttpRequest) -> HttpResponse:
    """Take what start-up left out of garbage collection, as our server does; say which process answers."""
    gc.collect()
    gc.freeze()
    return HttpResponse(b"%d" % os.getpid())


def hello(request: HttpRequest) -> HttpResponse:
    """Greet."""
    return HttpResponse(b"Hello, world!", content_type="text/plain")


async def hello_async(request: HttpRequest) -> HttpResponse:
    """Greet from a coroutine."""
    return HttpResponse(b"Hello, world!", content_type="text/plain")


def body(request: HttpRequest, size: int) -> HttpResponse:
    """Send so many bytes at once."""
    return HttpResponse(b"x" * size, content_type="text/plain")


def upload(request: HttpRequest) -> HttpResponse:
    """Take what is sent, and say how much it was."""
    return HttpResponse(b"%d" % len(request.body), content_type="text/plain")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Send as many bytes as the query says, in pieces."""
    size = int(request.META["QUERY_STRING"])
    headers = {"Content-Length": str(size)}
    return StreamingHttpResponse(_pieces(size), content_type="text/plain", headers=headers)


async def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    """The same from a coroutine, as ASGI servers need it: they collect what a plain iterator gives."""
    size = int(request.META["QUERY_STRING"])
    headers = {"Content-Length": str(size)}
    return StreamingHttpResponse(_pieces_async(size), content_type="text/plain", headers=headers)


def _pieces(size: int) -> Iterator[bytes]:
    for begin in range(0, size, len(CHUNK)):
        yield CHUNK[: size - begin]


async def _pieces_async(size: int) -> AsyncIterator[bytes]:
    for piece in _pieces(size):
        yield piece


urlpatterns = [
    path("ready", ready),
    path("", hello),
    path("async", hello_async),
    path("body/<int:size>", body),
    path("upload", upload),
    path("stream", stream),
    path("stream-async", stream_async),
]
