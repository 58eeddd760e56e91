"""Session engines whose keys stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.file import SessionStore
from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from support.visits import log_in, new_user, on, run
from zmqlayer.worker.stores import BrowserSession, ChannelSession, Row, channel_store, connection_key, http_store

pytestmark = pytest.mark.usefixtures("database")

KEY = connection_key("websocket.send.n!1")


@pytest.mark.parametrize("kind", [ChannelSession, BrowserSession])
def test_the_key_is_never_changed(kind: Any) -> None:
    """Django changes it when someone logs in, and tells the browser by a cookie; here none can be sent."""
    key = log_in(new_user())
    session = channel_store(kind, key)

    session.cycle_key()
    run(lambda _: session.acycle_key(), on("websocket.receive"))
    session["colour"] = "red"
    session.save()

    assert session.session_key == key
    assert Session.objects.get().get_decoded()["colour"] == "red"


def test_a_browser_session_is_never_created() -> None:
    """Not for an unknown key, and not without one."""
    for key in (None, "0" * 32):
        session = http_store(key)
        session["colour"] = "red"
        session.save()
        run(lambda _, session=session: session.asave(), on("websocket.receive"))

    assert Session.objects.count() == 0


@pytest.fixture
def expired(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a session in a file that has expired."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.file"
    for kind in (SessionStore, type(http_store(None)), type(channel_store(ChannelSession, KEY))):
        monkeypatch.setattr(kind, "_storage_path", str(tmp_path), raising=False)  # each remembers its first setting
    session = SessionStore()
    session["colour"] = "red"
    session.set_expiry(timezone.now() - timedelta(seconds=1))
    session.create()
    assert session.session_key
    return session.session_key


def test_a_file_that_has_expired_is_no_session(expired: str, tmp_path: Path) -> None:
    """Django's engine makes another in its place, whose key a view can tell the browser."""
    session = http_store(expired)

    assert session.get("colour") is None
    session["colour"] = "blue"
    session.save()

    assert session.session_key is None
    assert not session.is_empty()
    assert list(tmp_path.iterdir()) == []


def test_a_connections_file_that_has_expired_begins_anew(expired: str, tmp_path: Path) -> None:
    """Under the connection's own key, and no other file."""
    session = channel_store(ChannelSession, expired)

    assert session.get("colour") is None
    session["colour"] = "blue"
    session.save()

    assert channel_store(ChannelSession, expired)["colour"] == "blue"
    assert len(list(tmp_path.iterdir())) == 1


@contextmanager
def refusing(error: type[Exception]) -> Iterator[None]:
    """A database that refuses updates."""

    def refuse(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise error("the database is gone")
        return execute(sql, *args)

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_database_that_is_gone_is_no_session_that_is_gone(error: type[Exception], is_async: bool) -> None:
    """Django's engine says the same of both."""
    session = channel_store(ChannelSession, KEY)
    session["said"] = "hello"
    session.save()

    with refusing(error), pytest.raises(error):
        run(lambda _: session.asave() if is_async else session.save(), on("websocket.receive"))


def test_a_session_that_is_gone_is_gone() -> None:
    """The error for that stays."""
    session = channel_store(ChannelSession, KEY)
    session["said"] = "hello"
    session.save()
    Session.objects.all().delete()

    with pytest.raises(UpdateError):
        session.save()


def test_a_row_is_written_once() -> None:
    """Of several that try, one succeeds."""
    assert channel_store(Row, KEY).insert({"who": "first"})
    assert not channel_store(Row, KEY).insert({"who": "second"})

    row = channel_store(Row, KEY)
    assert row.read() == {"who": "first"}
    row.remove()
    assert row.read() == {}
    assert row.insert({"who": "third"})
