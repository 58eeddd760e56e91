"""A small Django project for the worker's tests: settings in code, views, and a database in a file."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import django
from django.conf import settings
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
]

OURS = ["zmqlayer.worker", "zmqlayer.worker.delay"]


def database_settings(database: Path) -> dict[str, Any]:
    """Return where the tests keep their rows: PostgreSQL if the environment names one, or else *database*, a file."""
    address = os.environ.get("ZMQLAYER_TEST_POSTGRES")
    if not address:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}
    parts = urlsplit(address)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": parts.port or "",
    }


def configure(database: Path) -> None:
    """Set Django up on the database file *database*, or on PostgreSQL."""
    settings.configure(
        ALLOWED_HOSTS=["testserver"],
        CHANNEL_LAYERS={"default": {"BACKEND": "support.memory_layer.MemoryLayer"}},
        DATABASES={"default": database_settings(database)},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", *OURS],
        MIDDLEWARE=MIDDLEWARE,
        ROOT_URLCONF="support.django_project",
        SECRET_KEY="only for tests",
        USE_TZ=True,
    )
    django.setup()


def hello(request: HttpRequest) -> HttpResponse:
    """Greet by name."""
    return HttpResponse(f"Hello, {request.GET.get('name', 'nobody')}")


def echo(request: HttpRequest) -> HttpResponse:
    """Say what has arrived, as JSON."""
    return JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "path_info": request.path_info,
            "url": request.build_absolute_uri(),
            "client": request.META.get("REMOTE_ADDR"),
            "form": dict(request.POST.items()),
            "files": {name: upload.read().decode() for name, upload in request.FILES.items()},
            "header": request.headers.get("X-Colour"),
        }
    )


def digest(request: HttpRequest) -> HttpResponse:
    """Hash the body."""
    return HttpResponse(hashlib.sha256(request.body).hexdigest())


def digest_pieces(request: HttpRequest) -> HttpResponse:
    """Hash the body as it comes."""
    digest = hashlib.sha256()
    while piece := request.read(10_000):
        digest.update(piece)
    return HttpResponse(digest.hexdigest())


def cautious(request: HttpRequest) -> HttpResponse:
    """Read the body, and take any exception for a reason to answer something else."""
    try:
        return HttpResponse(request.body)
    except Exception as exc:  # noqa: BLE001  # as some views do
        return HttpResponse(f"{type(exc).__name__}: {exc}", status=418)


def parse_json(request: HttpRequest) -> HttpResponse:
    """Sum the numbers of a JSON body."""
    return JsonResponse({"sum": sum(json.loads(request.body))})


def big(request: HttpRequest) -> HttpResponse:
    """Answer with 1,200,000 bytes."""
    return HttpResponse(b"0123456789ab" * 100_000)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Answer in three pieces."""
    return StreamingHttpResponse(iter([b"one ", b"two ", b"three"]))


def long(request: HttpRequest) -> StreamingHttpResponse:
    """Answer in forty pieces."""
    return StreamingHttpResponse(b"%d " % number for number in range(40))


def broken_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Fail after the first piece."""

    def pieces() -> Iterator[bytes]:
        yield b"one "
        raise RuntimeError("the disk is gone")

    return StreamingHttpResponse(pieces())


def file(request: HttpRequest) -> FileResponse:
    """Answer with a file."""
    return FileResponse(io.BytesIO(b"x" * 600_000), filename="x.txt", as_attachment=True)


def cookies(request: HttpRequest) -> HttpResponse:
    """Set two cookies, and repeat the one that came."""
    response = HttpResponse(request.COOKIES.get("flavour", ""))
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    return response


def count_visits(request: HttpRequest) -> HttpResponse:
    """Count in the browser's session."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


def reply_channel(request: HttpRequest) -> HttpResponse:
    """Say where the response goes, and which keys the message had."""
    return HttpResponse(f"{request.reply_channel} {'body' in request.message}")


def fail(request: HttpRequest) -> HttpResponse:
    """Raise."""
    raise RuntimeError("this view is broken")


async def asynchronous(request: HttpRequest) -> HttpResponse:
    """Answer from a coroutine."""
    return HttpResponse("async")


urlpatterns = [
    path("hello/", hello),
    path("echo/", echo),
    path("digest/", digest),
    path("digest-pieces/", digest_pieces),
    path("cautious/", cautious),
    path("json/", parse_json),
    path("big/", big),
    path("stream/", stream),
    path("long/", long),
    path("broken-stream/", broken_stream),
    path("file/", file),
    path("cookies/", cookies),
    path("visits/", count_visits),
    path("reply-channel/", reply_channel),
    path("fail/", fail),
    path("async/", asynchronous),
]
