"""
A Django worker of a benchmark: one thread, two views, and a consumer.

Arguments: cluster, its secret, ``bare`` or ``seven`` middleware, and perhaps its ``prefetch``, else that of a worker.
"""

from __future__ import annotations

import sys
from typing import Final

import django
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.urls import path

from zmqlayer.worker import Message, route

SEVEN: Final = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
"""What ``startproject`` writes."""


def hello(request: HttpRequest) -> HttpResponse:
    """Answer at once."""
    return HttpResponse(b"Hello, world!")


async def asynchronous_hello(request: HttpRequest) -> HttpResponse:
    """Answer at once, on the loop."""
    return HttpResponse(b"Hello, world!")


def consume(message: Message) -> None:
    """Answer without Django's views."""
    assert message.reply_channel is not None
    message.reply_channel.send({"status": 200, "headers": [], "content": b"Hello, world!", "more_content": False})


routes = [route("http.request", consume, path="^/consumer/$")]
urlpatterns = [path("", hello), path("hello/", hello), path("async/", asynchronous_hello)]


def main() -> None:
    """Work until SIGTERM."""
    cluster, secret, middleware, *prefetch = sys.argv[1:]
    config: dict[str, object] = {"cluster": cluster, "secret": secret}
    if prefetch:
        config["prefetch"] = int(*prefetch)
    apps = ["auth", "contenttypes", "messages", "sessions"]
    settings.configure(
        ALLOWED_HOSTS=["localhost", "127.0.0.1"],
        CHANNEL_LAYERS={"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": config}},
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in apps), "zmqlayer.worker"],
        MIDDLEWARE=SEVEN if middleware == "seven" else [],
        ROOT_URLCONF=__name__,
        SECRET_KEY="too short",
        USE_TZ=True,
        ZMQLAYER_ROUTING=f"{__name__}.routes",
    )
    django.setup()
    call_command("runworker", threads=1)


if __name__ == "__main__":
    main()
