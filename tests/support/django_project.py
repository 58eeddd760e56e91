"""A small Django project for the worker's tests: settings in code, views, and a database in a file."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path
from django.views import View
from django.views.decorators.csrf import csrf_exempt

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
]

OURS = ["zmqlayer.worker", "zmqlayer.worker.delay", "support.notes"]


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


class AsynchronousView(View):
    """A class-based view whose methods are coroutines."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Name the thread."""
        return HttpResponse(threading.current_thread().name)


def name_thread(request: HttpRequest) -> HttpResponse:
    """Name the thread."""
    return HttpResponse(threading.current_thread().name)


async def asynchronous_name_thread(request: HttpRequest) -> HttpResponse:
    """Name the thread."""
    return HttpResponse(threading.current_thread().name)


async def asynchronous_echo(request: HttpRequest) -> HttpResponse:
    """Say what has arrived, as JSON."""
    return echo(request)


async def asynchronous_digest(request: HttpRequest) -> HttpResponse:
    """Hash the body."""
    return HttpResponse(hashlib.sha256(request.body).hexdigest())


@csrf_exempt
def measure(request: HttpRequest) -> HttpResponse:
    """Say how large each file is, and what class keeps it."""
    return JsonResponse({name: [file.size, type(file).__name__] for name, file in request.FILES.items()})


@csrf_exempt
async def asynchronous_measure(request: HttpRequest) -> HttpResponse:
    """Say how large each file is, and what class keeps it."""
    return measure(request)


async def asynchronous_fail(request: HttpRequest) -> HttpResponse:
    """Raise."""
    raise RuntimeError("this coroutine is broken")


async def tick() -> AsyncIterator[bytes]:
    """Make three pieces, each after others have had their turn."""
    for number in range(3):
        await asyncio.sleep(0)
        yield b"tick %d;" % number


async def asynchronous_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from an asynchronous generator."""
    return StreamingHttpResponse(tick(), content_type="text/event-stream")


def crossed_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from an asynchronous generator, though the view is a function."""
    return StreamingHttpResponse(tick())


async def asynchronous_crossed_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from a generator, though the view is a coroutine."""
    return StreamingHttpResponse(b"tick %d;" % number for number in range(3))


async def asynchronous_file(request: HttpRequest) -> FileResponse:
    """Answer with a file, from a coroutine."""
    return file(request)


async def asynchronous_add_user(request: HttpRequest) -> HttpResponse:
    """Add a user, and answer with how many there are."""
    users = get_user_model().objects
    await users.acreate(username="of the view")
    return HttpResponse(str(await users.acount()))


class LongPoll:
    """What a test and the view ``poll`` know of each other."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.how = ""


long_poll = LongPoll()


async def poll(request: HttpRequest) -> HttpResponse:
    """Wait for what never comes."""
    try:
        long_poll.begun.set()
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        long_poll.how = "cancelled"
        raise
    finally:
        long_poll.ended.set()
    return HttpResponse("never")


async def events(request: HttpRequest) -> StreamingHttpResponse:
    """Send one event, and wait for what never comes."""

    async def stream() -> AsyncIterator[bytes]:
        try:
            yield b"data: first\n\n"
            long_poll.begun.set()
            await asyncio.Event().wait()
        finally:
            long_poll.how = "closed"
            long_poll.ended.set()

    return StreamingHttpResponse(stream(), content_type="text/event-stream")


def nothing(request: HttpRequest) -> None:
    """Forget to answer."""


async def asynchronous_nothing(request: HttpRequest) -> None:
    """Forget to answer."""


def garbage(request: HttpRequest) -> object:
    """Answer with what is no response."""
    return object()


def later(request: HttpRequest) -> HttpResponse:
    """Leave the answer to somebody else."""
    return request.ResponseLater()  # type: ignore[attr-defined]  # the worker's requests have it


async def asynchronous_later(request: HttpRequest) -> HttpResponse:
    """Leave the answer to somebody else."""
    return request.ResponseLater()  # type: ignore[attr-defined]  # the worker's requests have it


def raised_later(request: HttpRequest) -> HttpResponse:
    """Leave the answer to somebody else, in the way of Channels 1.x."""
    raise request.ResponseLater()  # type: ignore[attr-defined]  # the worker's requests have it


def huge_headers(request: HttpRequest) -> HttpResponse:
    """Answer with two megabytes of headers."""
    return HttpResponse(headers={"X-Huge": "x" * 2_000_000})


def unchanged(request: HttpRequest) -> HttpResponse:
    """Say that nothing has changed."""
    return HttpResponse(status=304)


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
    path("async/class/", AsynchronousView.as_view()),
    path("async/thread/", asynchronous_name_thread),
    path("async/echo/", asynchronous_echo),
    path("async/digest/", asynchronous_digest),
    path("async/measure/", asynchronous_measure),
    path("async/fail/", asynchronous_fail),
    path("async/stream/", asynchronous_stream),
    path("async/crossed/", asynchronous_crossed_stream),
    path("async/file/", asynchronous_file),
    path("async/nothing/", asynchronous_nothing),
    path("async/add-user/", asynchronous_add_user),
    path("async/later/", asynchronous_later),
    path("thread/", name_thread),
    path("measure/", measure),
    path("crossed/", crossed_stream),
    path("poll/", poll),
    path("events/", events),
    path("nothing/", nothing),
    path("garbage/", garbage),
    path("later/", later),
    path("raised-later/", raised_later),
    path("unchanged/", unchanged),
    path("huge-headers/", huge_headers),
]
