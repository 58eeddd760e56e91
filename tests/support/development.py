"""A small project in a folder of its own, whose files a test may change while commands run on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from support.cluster import Member, clean_environ

__all__ = ["DevelopmentRun", "started", "write_project"]

CHANGES: Final = 4
CHANGE_WITHIN_S: Final = 6.0

FILES: Final[Mapping[str, str]] = {
    "manage.py": """
import os, sys
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "small.settings"
execute_from_command_line(sys.argv)
""",
    "small/__init__.py": "",
    "small/settings.py": """
from contextlib import suppress
from pathlib import Path
SECRET_KEY = "django-insecure-" + "only for tests" * 5
DEBUG = True
INSTALLED_APPS = ["zmqlayer.worker", "django.contrib.staticfiles"]
ROOT_URLCONF = "small.urls"
STATIC_URL = "static/"
STATICFILES_DIRS = [Path(__file__).parent.parent / "assets"]
CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {"cluster": "CLUSTER"}}}
ZMQLAYER_ROUTING = "small.routing.routes"
USE_TZ = True
""",
    "small/urls.py": """
import os
from django.http import HttpResponse
from django.urls import path
from small.words import GREETING
urlpatterns = [path("", lambda request: HttpResponse(f"{GREETING} from {os.getpid()}"))]
""",
    "small/words.py": "GREETING = 'hello'\n",
    "small/routing.py": """
from zmqlayer.worker import route

def echo(message):
    message.reply_channel.send({"text": message["text"].upper()})

routes = [route("websocket.receive", echo, path="^/echo/$")]
""",
    "assets/style.css": "body { color: teal }\n",
}


def started(number: int) -> str:
    """Return what matches when a server has started for the time *number*; the last group is its port."""
    return rf"(?s)(?:.*?development server at http://[^\n]+:(\d+)/\n){{{number}}}"


def write_project(folder: Path, cluster: str) -> None:
    """Write the project's files into *folder*."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text.replace("CLUSTER", cluster))


class DevelopmentRun(Member):
    """A management command of the project in *folder*."""

    def __init__(self, folder: Path, command: str, *options: str, environ: Mapping[str, str] | None = None) -> None:
        super().__init__("manage.py", command, *options, folder=folder, environ={**clean_environ(), **(environ or {})})

    def port(self, number: int = 1) -> int:
        """Return where its server listens, after it started for the time *number*; waits until it does."""
        return int(self.wait_for_line(started(number))[1])

    def ask_again(self, ask: Callable[[int], str], number: int) -> str:
        """
        Return what *ask* gets from the server that started for the time *number*.

        A change that was written twice may be noticed twice: then that server has ended, and the next one is asked.
        """
        for start in range(number, number + CHANGES):
            with suppress(OSError):
                return ask(self.port(start))
        raise AssertionError(f"no server stayed:\n{self.output}")

    def change(self, path: Path, text: str, seen: str) -> None:
        """
        Write a file until it is *seen* by what this process writes.

        A reloader does not see what changes while it looks at the files for the first time.
        """
        for _ in range(CHANGES):
            path.write_text(text)
            with suppress(AssertionError):
                self.wait_for_line(seen, CHANGE_WITHIN_S)
                return
        raise AssertionError(f"nobody noticed that {path} had changed:\n{self.output}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
