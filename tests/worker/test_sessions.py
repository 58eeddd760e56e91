"""``channel_session``: a session for each connection, with few queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext

from support.memory_layer import MemoryLayer
from zmqlayer.worker import Message
from zmqlayer.worker.exceptions import ConsumeLater
from zmqlayer.worker.sessions import channel_session, session_for_reply_channel, uses_channel_session

pytestmark = pytest.mark.usefixtures("database")

ENGINES = ["db", "cache", "cached_db", "file"]


def on(channel: str, local: str = "browser", **content: Any) -> Message:
    """A message of one connection."""
    layer = MemoryLayer()
    return Message({"reply_channel": layer.reply_channel(local), **content}, channel, layer)


@channel_session
def remember(message: Message) -> None:
    """Put the text into the session."""
    message.channel_session["said"] = message["text"]


@channel_session
def recall(message: Message) -> Any:
    """Take it out again."""
    return message.channel_session.get("said")


@channel_session
def ignore(message: Message) -> None:
    """Never touch the session."""


@contextmanager
def tables_used(*statements: str) -> Iterator[None]:
    """Expect exactly these kinds of statement on the database."""
    with CaptureQueriesContext(connection) as captured:
        yield
    words = [query["sql"].split()[0] for query in captured.captured_queries]
    assert [word for word in words if word not in ("BEGIN", "COMMIT")] == list(statements)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_one_consumer_writes_another_reads(settings: Any, engine: str, tmp_path: Any) -> None:
    """Any of Django's engines keeps the session between the messages of a connection, until it ends."""
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.CHANNEL_SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"

    remember(on("websocket.connect", text="hello"))
    after_connect = recall(on("websocket.receive"))
    remember(on("websocket.receive", text="again"))
    after_receive = recall(on("websocket.receive"))
    ignore(on("websocket.disconnect"))

    assert (after_connect, after_receive) == ("hello", "again")
    assert recall(on("websocket.receive")) is None


def test_connections_have_sessions_of_their_own() -> None:
    """The reply channel is the key."""
    remember(on("websocket.connect", "ada", text="hello"))

    assert recall(on("websocket.receive", "bob")) is None


def test_the_session_is_a_django_session() -> None:
    """The key is stable, 32 characters long, and says nothing of the reply channel."""
    key = session_for_reply_channel("websocket.send.x!y").session_key

    assert key == session_for_reply_channel("websocket.send.x!y").session_key
    assert key is not None
    assert (key[:3], len(key)) == ("chn", 32)


def test_connecting_costs_one_query() -> None:
    """The first message of a connection has nothing to read; it inserts."""
    with tables_used("INSERT"):
        remember(on("websocket.connect", text="hello"))


def test_reading_costs_one_query() -> None:
    """A session that is only read is not saved."""
    remember(on("websocket.connect", text="hello"))

    with tables_used("SELECT"):
        recall(on("websocket.receive"))


def test_writing_costs_two_queries() -> None:
    """A session that is changed is read and saved."""
    remember(on("websocket.connect", text="hello"))

    with tables_used("SELECT", "UPDATE"):
        remember(on("websocket.receive", text="again"))


def test_an_untouched_session_costs_nothing() -> None:
    """Most messages of most connections need no session."""
    with tables_used():
        ignore(on("websocket.connect"))
        ignore(on("websocket.receive"))


def test_nothing_stays_behind() -> None:
    """After ``websocket.disconnect`` the row is gone, even if the consumer changed the session or failed."""
    remember(on("websocket.connect", "ada", text="hello"))
    remember(on("websocket.connect", "bob", text="hello"))

    @channel_session
    def fail(message: Message) -> None:
        raise RuntimeError

    remember(on("websocket.disconnect", "ada", text="bye"))
    with pytest.raises(RuntimeError):
        fail(on("websocket.disconnect", "bob"))

    assert Session.objects.count() == 0


def test_a_consumer_that_fails_keeps_its_changes() -> None:
    """The session is saved as far as the consumer came, like its rows."""

    @channel_session
    def write_and_fail(message: Message) -> None:
        message.channel_session["said"] = "half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail(on("websocket.receive"))

    assert recall(on("websocket.receive")) == "half"


def test_a_consumer_that_runs_again_starts_afresh() -> None:
    """What a consumer did to the session before it raised ``ConsumeLater`` is forgotten."""

    @channel_session
    def write_and_wait(message: Message) -> None:
        message.channel_session["said"] = "too early"
        raise ConsumeLater

    with pytest.raises(ConsumeLater):
        write_and_wait(on("websocket.connect"))

    assert recall(on("websocket.receive")) is None


def test_a_second_try_may_find_a_session() -> None:
    """A connect message that comes again reads what others wrote meanwhile."""
    remember(on("websocket.receive", text="meanwhile"))

    assert recall(on("websocket.connect", __retries__=1)) == "meanwhile"


def test_two_consumers_create_the_session_at_once() -> None:
    """Both consumers' keys are kept; where they differ, the later one wins."""

    @channel_session
    def slow(message: Message) -> None:
        message.channel_session["said"] = "slow"
        message.channel_session["room"] = "lobby"
        remember(on("websocket.receive", text="quick"))

    slow(on("websocket.connect"))

    assert dict(session_for_reply_channel(MemoryLayer().reply_channel()).items()) == {"said": "slow", "room": "lobby"}


def test_the_connection_ends_while_a_consumer_runs(caplog: pytest.LogCaptureFixture) -> None:
    """Changes to a session that is gone are dropped; the consumer is none the wiser."""
    remember(on("websocket.connect", text="hello"))

    @channel_session
    def late(message: Message) -> str:
        message.channel_session["said"] = "late"
        ignore(on("websocket.disconnect"))
        return "done"

    assert late(on("websocket.receive")) == "done"
    assert "is gone; its changes are dropped" in caplog.text
    assert Session.objects.count() == 0


def test_decorators_share_the_session() -> None:
    """A consumer decorated twice has one session."""

    @channel_session
    @channel_session
    def twice(message: Message) -> None:
        message.channel_session["said"] = "once"

    with tables_used("INSERT"):
        twice(on("websocket.connect"))


def test_the_mark_shows_through_other_decorators() -> None:
    """The router can tell which consumers use sessions."""
    assert uses_channel_session(remember)
    assert not uses_channel_session(on)
    assert remember.__name__ == "remember"


def test_no_connection_no_session(layer: MemoryLayer) -> None:
    """A message without a reply channel has no connection to keep a session for."""
    with pytest.raises(ValueError, match="no reply channel"):
        recall(Message({}, "thumbnail.make", layer))


def test_cookies_cannot_keep_channel_sessions(settings: Any) -> None:
    """The one engine that cannot work is refused with the cure."""
    settings.CHANNEL_SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

    with pytest.raises(ImproperlyConfigured, match="set CHANNEL_SESSION_ENGINE"):
        recall(on("websocket.receive"))


def test_the_sites_engine_is_the_default(settings: Any) -> None:
    """Without CHANNEL_SESSION_ENGINE, SESSION_ENGINE is used."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"

    with tables_used():
        remember(on("websocket.connect", text="hello"))
    assert recall(on("websocket.receive")) == "hello"
