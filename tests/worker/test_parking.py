"""The rows at which a message that comes too early and the end of the one before it meet."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured

from support.visits import queries
from zmqlayer.worker.parking import TURN, Place, Waiting

pytestmark = pytest.mark.usefixtures("database")

CONTENT = {"text": None, "bytes": b"\xff", "order": 2, "headers": [[b"a", b"b"]]}
ENGINES = ["db", "cache", "cached_db", "file"]


@pytest.fixture
def place() -> Place:
    """The place of the second message of a new connection."""
    return Place(f"websocket.send.n!{secrets.token_hex(8)}", 2)


@pytest.fixture(autouse=True, params=ENGINES)
def engine(request: pytest.FixtureRequest, settings: Any, tmp_path: Any) -> str:
    """Any engine that can keep channel sessions."""
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.CHANNEL_SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    return str(request.param)


def test_the_turn_comes_first(place: Place) -> None:
    """The message finds the word that was left, and goes on; the word is gone."""
    assert place.call() is None

    assert place.claim("websocket.receive", CONTENT)
    assert not place.is_taken()
    assert not place.claim("websocket.receive", CONTENT)


def test_the_message_comes_first(place: Place) -> None:
    """It is kept, and given to whoever calls it, with a note that it is its turn."""
    assert not place.claim("websocket.receive", CONTENT)
    assert place.is_taken()

    assert place.call() == Waiting("websocket.receive", {**CONTENT, TURN: True})
    assert not place.is_taken()
    assert place.take() is None


def test_it_is_called_between_two_looks(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word is left after the message has looked, and before it was kept: the engine lets only one write."""
    from zmqlayer.worker.stores import Row

    read = Row.read
    calls: list[Any] = []

    def read_then_call(row: Row) -> Any:
        found = read(row)
        if not calls:
            calls.append(None)
            calls.append(place.call())
        return found

    monkeypatch.setattr(Row, "read", read_then_call)

    assert place.claim("websocket.receive", CONTENT)
    assert calls == [None, None]
    assert not place.is_taken()


def test_two_call_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the message before, and somebody who believed it was lost: one of them gets the message."""
    from zmqlayer.worker.stores import Row

    place.claim("websocket.receive", CONTENT)
    read = Row.read
    others: list[Any] = []

    def call_then_read(row: Row) -> Any:
        if not others:
            others.append("about to be")
            others[0] = place.call()
        return read(row)

    monkeypatch.setattr(Row, "read", call_then_read)

    first = place.take()

    assert [first, *others] == [Waiting("websocket.receive", {**CONTENT, TURN: True}), None]


def test_one_that_died_over_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever insists gets the message all the same."""
    from zmqlayer.worker.stores import Row

    place.claim("websocket.receive", CONTENT)

    def die(row: Row) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(Row, "read", die)
        place.take()

    assert place.take() is None
    assert place.take(insist=True) == Waiting("websocket.receive", {**CONTENT, TURN: True})
    assert place.take() is None


def test_places_are_apart(place: Place) -> None:
    """Of one connection, and of several."""
    place.claim("websocket.receive", CONTENT)

    assert Place(place.reply_channel, 3).call() is None
    assert Place("websocket.send.n!2", 2).call() is None
    assert place.is_taken()


def test_what_nobody_wants_any_more_expires(place: Place, engine: str) -> None:
    """After an hour, by the ``clearsessions`` that every site runs."""
    place.call()

    rows = [row.get_decoded() for row in Session.objects.all()]
    assert [row["_session_expiry"] for row in rows] == ([3600] if engine in ("db", "cached_db") else [])


def test_a_place_is_forgotten(place: Place) -> None:
    """Whatever was written for it."""
    place.call()

    place.forget()

    assert not place.claim("websocket.receive", CONTENT)


def test_what_a_cache_does_not_keep_is_consumed_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is too large for it had better come too early than never."""
    from zmqlayer.worker.stores import Row

    monkeypatch.setattr(Row, "insert", lambda row, values: False)

    assert place.claim("websocket.receive", CONTENT)


def test_cookies_cannot_keep_messages(place: Place, settings: Any) -> None:
    """The one engine that cannot work is refused, with the cure."""
    settings.CHANNEL_SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

    with queries(), pytest.raises(ImproperlyConfigured, match="set CHANNEL_SESSION_ENGINE"):
        place.call()


def test_a_message_that_is_about_to_be_kept_is_called(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file exists before there is something in it: who calls looks again."""
    from zmqlayer.worker.stores import Row

    place.claim("websocket.receive", CONTENT)
    read = Row.read
    looks: list[None] = []

    def see_an_empty_file(row: Row) -> Any:
        looks.append(None)
        return {} if len(looks) == 1 else read(row)

    monkeypatch.setattr(Row, "read", see_an_empty_file)

    assert place.call() == Waiting("websocket.receive", {**CONTENT, TURN: True})


def test_a_place_that_is_called_twice(place: Place) -> None:
    """The second call finds the first, and nothing to do."""
    place.call()

    assert place.call() is None
    assert place.claim("websocket.receive", CONTENT)
