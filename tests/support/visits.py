"""What the tests of sessions, users and ordering share: messages of a connection, visitors, and counted queries."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test.utils import CaptureQueriesContext

from support.memory_layer import MemoryLayer
from zmqlayer.worker import Message

__all__ = ["arriving", "log_in", "new_user", "on", "queries", "run", "session_of"]

BACKEND = "django.contrib.auth.backends.ModelBackend"


def on(channel: str, local: str = "browser", **content: Any) -> Message:
    """A message of one connection."""
    layer = MemoryLayer()
    return Message({"reply_channel": layer.reply_channel(local), **content}, channel, layer)


def arriving(session_key: str | None = None, **content: Any) -> Message:
    """The first message of a connection, with the session cookie if there is one."""
    cookie = f"flavour=oat; {settings.SESSION_COOKIE_NAME}={session_key}".encode()
    headers = [[b"host", b"testserver"], *([[b"cookie", cookie]] if session_key else [])]
    return on("websocket.connect", headers=headers, query_string=content.pop("query_string", b""), **content)


def run(consumer: Any, message: Message) -> Any:
    """Call a consumer as a worker does, and if it gives a coroutine, run that."""
    result = consumer(message)
    if not inspect.iscoroutine(result):
        return result

    async def wait() -> Any:
        return await result

    return async_to_sync(wait)()


def new_user(name: str = "ada") -> Any:
    """A user of the site."""
    return get_user_model().objects.create(username=name, password="first")


def log_in(user: Any, **values: Any) -> str:
    """Log *user* in as a view does; returns the key of the browser's session."""
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: BACKEND,
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            **values,
        }
    )
    session.create()
    assert session.session_key
    return session.session_key


def session_of(key: str) -> dict[str, Any]:
    """Return what a view would find in the browser's session."""
    return dict(SessionStore(key).items())


@contextmanager
def queries(*statements: str) -> Iterator[None]:
    """Expect exactly these statements on the database, by their first word and table: ``SELECT session``."""
    with CaptureQueriesContext(connection) as captured:
        yield
    found = [_short(query["sql"]) for query in captured.captured_queries]
    assert [query for query in found if query] == list(statements)


def _short(sql: str) -> str:
    word = sql.split()[0]
    if word in ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"):
        return ""
    tables = [name for name in ("django_session", "auth_user") if f'"{name}"' in sql]
    return f"{word} {tables[0].split('_')[1]}"
