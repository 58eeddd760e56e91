"""Views whose responses show that a request arrived whole, and views that wait at a gate."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from journey.gate import arrive, pass_gate


def echo(request: HttpRequest) -> HttpResponse:
    """Send the body back, and say how it came."""
    response = HttpResponse(request.body, content_type=request.content_type)
    response["X-Method"] = request.method
    response["X-Query"] = request.GET.urlencode()
    response["X-Path"] = ascii(request.path)
    return response


def slow_digest(request: HttpRequest) -> HttpResponse:
    """Hash the body as it comes, and stop after the first megabyte until the gate is opened."""
    digest = hashlib.sha256(request.read(1_000_000))
    pass_gate(request.GET["gate"])
    while piece := request.read(100_000):
        digest.update(piece)
    return HttpResponse(digest.hexdigest())


def store(request: HttpRequest) -> JsonResponse:
    """Say which files came, and how large they are."""
    return JsonResponse({name: upload.size for name, upload in request.FILES.items()})


def unwilling(request: HttpRequest) -> HttpResponse:
    """Read nothing of the body."""
    return HttpResponse(b"no", status=413)


def form(request: HttpRequest) -> JsonResponse:
    """Send the fields of a form back, and the contents of its files."""
    files = {name: upload.read().decode() for name, upload in request.FILES.items()}
    return JsonResponse({"fields": dict(request.POST.items()), "files": files})


@require_GET
def hello(request: HttpRequest) -> HttpResponse:
    """Answer at once."""
    return HttpResponse(b"hello")


def held(request: HttpRequest) -> HttpResponse:
    """Answer when the gate is opened."""
    pass_gate(request.GET["gate"])
    return HttpResponse(b"passed")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Produce the second piece only when the gate is opened."""

    def pieces() -> Iterator[bytes]:
        yield b"first"
        pass_gate(request.GET["gate"])
        yield b"last"

    return StreamingHttpResponse(pieces())


def endless(request: HttpRequest) -> StreamingHttpResponse:
    """Never end."""
    return StreamingHttpResponse(itertools.repeat(bytes(10_000)))


def broken(request: HttpRequest) -> StreamingHttpResponse:
    """Fail when the gate is opened, after one piece."""

    def pieces() -> Iterator[bytes]:
        yield b"first"
        pass_gate(request.GET["gate"])
        raise RuntimeError("the disk is gone")

    return StreamingHttpResponse(pieces())


def fail(request: HttpRequest) -> HttpResponse:
    """Raise."""
    raise RuntimeError("this view is broken")


async def long_poll(request: HttpRequest) -> HttpResponse:
    """Wait for what never comes; arrive at the gate when that begins, and when it ends."""
    arrive(request.GET["gate"])
    try:
        await asyncio.Event().wait()
    finally:
        arrive(request.GET["gate"])
    return HttpResponse(b"never")


async def events(request: HttpRequest) -> StreamingHttpResponse:
    """Send one event, and wait for what never comes; arrive at the gate when that ends."""

    async def stream() -> AsyncIterator[bytes]:
        try:
            yield b"data: first\n\n"
            await asyncio.Event().wait()
        finally:
            arrive(request.GET["gate"])

    return StreamingHttpResponse(stream(), content_type="text/event-stream")
