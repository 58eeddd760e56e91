"""Who is behind a message: ``message.user``, from the browser's login or that of the connection."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.core.exceptions import SynchronousOnlyOperation
from django.db import OperationalError, connection

from support.memory_layer import MemoryLayer
from support.visits import BACKEND, arriving, log_in, new_user, on, queries, run, session_of
from support.worker_run import worker_for
from zmqlayer.worker import Message, route
from zmqlayer.worker.auth import (
    alogin,
    alogout,
    channel_and_http_session_user_from_http,
    channel_session_user,
    channel_session_user_from_http,
    http_session_user,
    login,
    logout,
    transfer_user,
)
from zmqlayer.worker.exceptions import AcceptConnection, ConsumeLater, DenyConnection
from zmqlayer.worker.sessions import channel_session, http_session, session_for_reply_channel

pytestmark = pytest.mark.usefixtures("database")


def who(message: Message) -> str:
    """Return the user's name; empty for nobody."""
    return str(message.user.username)


async def who_later(message: Message) -> str:
    """Return the user's name, from a coroutine."""
    return str((await message.auser()).username)


def nobody_asks(message: Message) -> None:
    """Never touch the user."""


BOTH = pytest.mark.parametrize("ask", [who, who_later])
FROM_HTTP = pytest.mark.parametrize(
    "from_http", [channel_session_user_from_http, channel_and_http_session_user_from_http]
)


def connect(key: str | None) -> None:
    """Open a connection as a browser with the session *key*."""
    channel_session_user_from_http(nobody_asks)(arriving(key))


@BOTH
def test_the_browsers_user(ask: Any) -> None:
    """The session cookie of the first message says who it is: one query for the session, one for the user."""
    key = log_in(new_user("ada"))

    with queries("SELECT session", "SELECT user"):
        name = run(http_session_user(ask), arriving(key))

    assert name == "ada"


@BOTH
@FROM_HTTP
def test_the_user_stays_for_the_connection(ask: Any, from_http: Any) -> None:
    """The login is copied when the connection begins; later messages bring no cookie and need none."""
    key = log_in(new_user("ada"))

    first = run(from_http(ask), arriving(key))
    with queries("SELECT session", "SELECT user"):
        second = run(channel_session_user(ask), on("websocket.receive", text="hi"))
    third = run(from_http(ask), on("websocket.receive", text="hi"))

    assert (first, second, third) == ("ada", "ada", "ada")


@FROM_HTTP
def test_connecting_reads_one_session_and_writes_the_other(from_http: Any) -> None:
    """The user is not looked up if the consumer does not ask."""
    key = log_in(new_user("ada"))

    with queries("SELECT session", "INSERT session"):
        from_http(nobody_asks)(arriving(key))
    with queries():
        from_http(nobody_asks)(on("websocket.receive", text="hi"))
        channel_session_user(nobody_asks)(on("websocket.receive", text="hi"))


@BOTH
def test_the_user_is_looked_up_once(ask: Any) -> None:
    """However often the consumer asks."""
    connect(log_in(new_user("ada")))

    def ask_often(message: Message) -> Any:
        return [who(message) for _ in range(3)]

    async def ask_often_later(message: Message) -> Any:
        return [await who_later(message), await who_later(message), who(message)]

    with queries("SELECT session", "SELECT user"):
        names = run(channel_session_user(ask_often if ask is who else ask_often_later), on("websocket.receive"))

    assert names == ["ada", "ada", "ada"]


def test_a_coroutine_has_to_await_the_user() -> None:
    """``message.user`` would stop the event loop for a query: Django's own error says so. Awaited once, it is there."""
    connect(log_in(new_user("ada")))

    async def forget_to_wait(message: Message) -> str:
        return who(message)

    async def wait_first(message: Message) -> str:
        await message.auser()
        return who(message)

    with pytest.raises(SynchronousOnlyOperation):
        run(channel_session_user(forget_to_wait), on("websocket.receive"))
    assert run(channel_session_user(wait_first), on("websocket.receive")) == "ada"


@BOTH
@pytest.mark.parametrize("decorate", [http_session_user, channel_session_user, channel_session_user_from_http])
def test_nobody_is_logged_in(ask: Any, decorate: Any) -> None:
    """Without a cookie there is an anonymous user, and no query for one who connects."""

    with queries():
        assert run(decorate(ask), arriving()) == ""
        assert decorate(lambda message: message.user.is_authenticated)(arriving()) is False


@BOTH
def test_a_cookie_of_garbage_is_nobody(ask: Any) -> None:
    """An invented key, and a session that holds nonsense."""
    key = log_in(new_user("ada"))
    Session.objects.update(session_data="tampered:with:it")

    assert run(http_session_user(ask), arriving("0" * 32)) == ""
    assert run(http_session_user(ask), arriving(key)) == ""
    assert run(channel_session_user_from_http(ask), arriving(key)) == ""


@BOTH
def test_an_expired_session_is_nobody(ask: Any) -> None:
    """As on a page."""
    key = log_in(new_user("ada"))
    Session.objects.update(expire_date="2020-01-01T00:00:00Z")

    assert run(channel_session_user_from_http(ask), arriving(key)) == ""


@BOTH
def test_a_user_who_is_deleted_is_gone(ask: Any) -> None:
    """In the middle of the connection."""
    user = new_user("ada")
    connect(log_in(user))
    user.delete()

    assert run(channel_session_user(ask), on("websocket.receive")) == ""


@BOTH
def test_a_user_who_is_deactivated_is_gone(ask: Any) -> None:
    """With Django's usual backend."""
    connect(log_in(new_user("ada")))
    get_user_model().objects.update(is_active=False)

    assert run(channel_session_user(ask), on("websocket.receive")) == ""


@BOTH
def test_a_backend_that_is_not_used_any_more(ask: Any, settings: Any) -> None:
    """What it once let in is out."""
    connect(log_in(new_user("ada")))
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]

    assert run(channel_session_user(ask), on("websocket.receive")) == ""


@BOTH
def test_a_changed_password_logs_the_connection_out(ask: Any) -> None:
    """The channel session is emptied, as a browser's would be."""
    user = new_user("ada")
    connect(log_in(user))
    user.password = "second"
    user.save()

    assert run(channel_session_user(ask), on("websocket.receive")) == ""
    assert SESSION_KEY not in session_for_reply_channel(MemoryLayer().reply_channel())


@BOTH
@pytest.mark.parametrize("decorate", [channel_session_user, http_session_user])
def test_a_rotated_secret_key_logs_nobody_out(ask: Any, decorate: Any, settings: Any) -> None:
    """A login by one of SECRET_KEY_FALLBACKS is renewed, under the key that the browser has."""
    user = new_user("ada")
    key = log_in(user)
    connect(key)
    settings.SECRET_KEY_FALLBACKS = ["only for tests"]
    settings.SECRET_KEY = "a new one"
    message = on("websocket.receive") if decorate is channel_session_user else arriving(key)

    name = run(decorate(ask), message)

    assert name == "ada"
    session = message.channel_session if decorate is channel_session_user else session_of(key)
    assert session[HASH_SESSION_KEY] == user.get_session_auth_hash()
    settings.SECRET_KEY_FALLBACKS = []
    assert run(decorate(ask), arriving(key) if decorate is http_session_user else on("websocket.receive")) == "ada"


@pytest.mark.parametrize("is_async", [False, True])
def test_login_and_logout_last(is_async: bool) -> None:
    """A consumer logs a user in for the rest of the connection, and out again; the browser stays as it was."""
    user = new_user("ada")
    seen: list[str] = []

    @channel_session_user
    def enter(message: Message) -> None:
        seen.append(who(message))
        login(message, user, BACKEND)
        seen.append(who(message))

    @channel_session_user
    async def enter_later(message: Message) -> None:
        seen.append(await who_later(message))
        await alogin(message, user, BACKEND)
        seen.extend((await who_later(message), who(message)))

    @channel_session_user
    def leave(message: Message) -> None:
        logout(message)
        seen.append(who(message))

    @channel_session_user
    async def leave_later(message: Message) -> None:
        await alogout(message)
        seen.append(await who_later(message))

    run(enter_later if is_async else enter, on("websocket.connect"))
    assert channel_session_user(who)(on("websocket.receive")) == "ada"
    run(leave_later if is_async else leave, on("websocket.receive"))
    assert channel_session_user(who)(on("websocket.receive")) == ""

    assert seen == (["", "ada", "ada", ""] if is_async else ["", "ada", ""])
    assert Session.objects.count() == 0


def test_login_keeps_what_the_connection_knows() -> None:
    """Only someone else's login empties the session."""
    ada, bob = new_user("ada"), new_user("bob")

    @channel_session_user
    def enter(message: Message) -> None:
        message.channel_session["room"] = "lobby"
        login(message, ada, BACKEND)

    @channel_session_user
    def change(message: Message) -> Any:
        room = message.channel_session["room"]
        login(message, bob, BACKEND)
        return room, message.channel_session.get("room")

    enter(on("websocket.connect"))

    assert change(on("websocket.receive")) == ("lobby", None)
    assert channel_session_user(who)(on("websocket.receive")) == "bob"


def test_transfer_user_copies_the_login() -> None:
    """And nothing else; what is no login is not copied at all."""
    key = log_in(new_user("ada"), colour="red")

    @http_session
    @channel_session
    def transfer(message: Message) -> None:
        assert message.http_session is not None
        transfer_user(message.http_session, message.channel_session)
        transfer_user(session_for_reply_channel("another!one"), message.channel_session)

    transfer(arriving(key))

    copied = dict(session_for_reply_channel(MemoryLayer().reply_channel()).items())
    assert copied == {name: value for name, value in session_of(key).items() if name != "colour"}
    assert len(copied) == 3


def test_half_a_login_is_not_copied() -> None:
    """A session without the hash of the password proves nothing."""
    session = session_for_reply_channel("one!one")
    session.update({SESSION_KEY: "1"})
    other = session_for_reply_channel("another!one")

    transfer_user(session, other)

    assert dict(other.items()) == {}


@pytest.mark.parametrize("outcome", [AcceptConnection, DenyConnection, RuntimeError])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_user_stays_however_the_first_consumer_ends(outcome: type[Exception], is_async: bool) -> None:
    """What was copied is saved."""
    key = log_in(new_user("ada"))

    def end(message: Message) -> None:
        raise outcome

    async def end_later(message: Message) -> None:
        raise outcome

    with pytest.raises(outcome):
        run(channel_session_user_from_http(end_later if is_async else end), arriving(key))

    assert channel_session_user(who)(on("websocket.receive")) == "ada"


def test_a_consumer_that_runs_again_copies_again() -> None:
    """``ConsumeLater`` forgets the first try."""
    key = log_in(new_user("ada"))

    @channel_session_user_from_http
    def wait(message: Message) -> None:
        raise ConsumeLater

    with pytest.raises(ConsumeLater):
        wait(arriving(key))
    assert Session.objects.count() == 1

    assert channel_session_user_from_http(who)(arriving(key, __retries__=1)) == "ada"


def test_no_connection_no_channel_user(layer: MemoryLayer) -> None:
    """A message without a reply channel has no channel session; the browser's is independent of it."""
    message = Message({"headers": []}, "thumbnail.make", layer)

    with pytest.raises(ValueError, match="no reply channel"):
        channel_session_user(who)(message)
    assert http_session_user(who)(message) == ""


def test_the_inner_decorator_says_who(layer: MemoryLayer) -> None:
    """Stacked, the user is that of the decorator next to the consumer."""
    key = log_in(new_user("ada"))

    inner_http = channel_session_user(http_session_user(who))
    inner_channel = http_session_user(channel_session_user(who))

    assert (inner_http(arriving(key)), inner_channel(arriving(key))) == ("ada", "")


def test_a_database_that_is_gone_is_named(caplog: pytest.LogCaptureFixture, layer: MemoryLayer) -> None:
    """A user who cannot be looked up is not taken for nobody: the consumer fails, and the handshake with 500."""
    key = log_in(new_user("ada"))
    worker = worker_for(layer, [route("websocket.connect", channel_session_user_from_http(who))])

    def refuse(execute: Any, sql: str, *args: Any) -> Any:
        if "auth_user" in sql:
            raise OperationalError("the database is gone")
        return execute(sql, *args)

    with connection.execute_wrapper(refuse):
        worker.consume("websocket.connect", arriving(key).content)

    assert "test_auth.who failed on a message on websocket.connect" in caplog.text
    assert "OperationalError: the database is gone" in caplog.text
    assert layer.sent(layer.reply_channel()) == [{"close": 1011, "status": 500}]
