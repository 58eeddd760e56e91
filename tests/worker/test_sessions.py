"""Sessions for consumers: one for each connection, the browser's own, and few queries for both."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.db import OperationalError, connection

from support.memory_layer import MemoryLayer
from support.visits import arriving, log_in, new_user, on, queries, run, session_of
from support.worker_run import worker_for
from zmqlayer.worker import Message, route
from zmqlayer.worker.auth import channel_session_user, channel_session_user_from_http
from zmqlayer.worker.exceptions import AcceptConnection, ConsumeLater, DenyConnection, StopConsumer
from zmqlayer.worker.sessions import (
    channel_and_http_session,
    channel_session,
    enforce_ordering,
    http_session,
    session_for_reply_channel,
    uses_channel_session,
)

pytestmark = pytest.mark.usefixtures("database")

ENGINES = ["db", "cache", "cached_db", "file"]


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


@channel_session
async def remember_later(message: Message) -> None:
    """Put the text into the session, from a coroutine."""
    await message.channel_session.aset("said", message["text"])


@channel_session
async def recall_later(message: Message) -> Any:
    """Take it out again, from a coroutine."""
    return await message.channel_session.aget("said")


@channel_session
async def ignore_later(message: Message) -> None:
    """Never touch the session, from a coroutine."""


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


@pytest.mark.parametrize("engine", ENGINES)
def test_coroutines_share_the_session_with_functions(settings: Any, engine: str, tmp_path: Any) -> None:
    """By the asynchronous half of Django's session API, and with any engine."""
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.CHANNEL_SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"

    run(remember_later, on("websocket.connect", text="hello"))
    after_connect = recall(on("websocket.receive"))
    run(remember_later, on("websocket.receive", text="again"))
    after_receive = run(recall_later, on("websocket.receive"))
    run(ignore_later, on("websocket.disconnect"))

    assert (after_connect, after_receive) == ("hello", "again")
    assert recall(on("websocket.receive")) is None


def test_a_message_that_came_on_no_channel() -> None:
    """Tests of Channels 1.x make such messages, to call a decorated consumer with."""
    nowhere: Any = None
    message = Message({"reply_channel": "test-reply", "text": "hello"}, nowhere, nowhere)

    remember(message)

    assert recall(Message({"reply_channel": "test-reply"}, nowhere, nowhere)) == "hello"
    assert repr(message) == "<Message on None [reply_channel, text]>"


def test_the_talks_channel_session() -> None:
    """
    What the talk of 2016 promises: a session keyed by the reply channel, for whatever worker gets the message.

    One worker greets, another one counts, a third one takes leave; afterwards nothing is left.
    """
    layer = MemoryLayer()
    told: list[dict[str, Any]] = []

    @channel_session
    def greet(message: Message) -> None:
        message.channel_session["name"] = message["path"].strip("/")
        message.channel_session["lines"] = 0
        raise AcceptConnection

    @channel_session
    def count(message: Message) -> None:
        message.channel_session["lines"] += 1

    @channel_session
    def leave(message: Message) -> None:
        told.append(dict(message.channel_session.items()))

    workers = [
        worker_for(layer, [route(channel, consumer)], channels=[channel])
        for channel, consumer in [
            ("websocket.connect", greet),
            ("websocket.receive", count),
            ("websocket.disconnect", leave),
        ]
    ]
    for name in ("ada", "bob"):
        workers[0].consume("websocket.connect", {"reply_channel": layer.reply_channel(name), "path": f"/{name}/"})
    for name in ("ada", "bob", "ada"):
        workers[1].consume("websocket.receive", {"reply_channel": layer.reply_channel(name), "text": "hi"})
    for name in ("ada", "bob"):
        workers[2].consume("websocket.disconnect", {"reply_channel": layer.reply_channel(name)})

    assert told == [{"name": "ada", "lines": 2}, {"name": "bob", "lines": 1}]
    assert Session.objects.count() == 0


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
    with queries("INSERT session"):
        remember(on("websocket.connect", text="hello"))


def test_reading_costs_one_query() -> None:
    """A session that is only read is not saved."""
    remember(on("websocket.connect", text="hello"))

    with queries("SELECT session"):
        recall(on("websocket.receive"))


def test_writing_costs_two_queries() -> None:
    """A session that is changed is read and saved."""
    remember(on("websocket.connect", text="hello"))

    with queries("SELECT session", "UPDATE session"):
        remember(on("websocket.receive", text="again"))


def test_an_untouched_session_costs_nothing() -> None:
    """Most messages of most connections need no session."""
    with queries():
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


@pytest.mark.parametrize("consumer", [remember, remember_later])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_message_that_is_consumed_after_the_end(
    settings: Any, engine: str, tmp_path: Any, caplog: pytest.LogCaptureFixture, consumer: Any
) -> None:
    """A session that ended does not begin anew where its connection is known to be closed: nobody would delete it."""
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.CHANNEL_SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    remember(on("websocket.connect", text="hello"))
    ignore(on("websocket.disconnect"))
    late: Any = on("chat.receive", text="late")
    late.channel_layer.closed.add(late.reply_channel.name)

    run(consumer, late)

    assert "is gone; its changes are dropped" in caplog.text
    assert recall(on("websocket.receive")) is None


def test_a_session_begins_with_any_message_of_an_open_connection(caplog: pytest.LogCaptureFixture) -> None:
    """Also with one on a channel of the project's own."""
    remember(on("chat.receive", text="hello"))

    assert recall(on("websocket.receive")) == "hello"
    assert not caplog.records


def test_what_is_stored_for_a_closed_connection_may_change() -> None:
    """Its disconnect, which deletes it, is still to be consumed."""
    remember(on("websocket.connect", text="hello"))
    late: Any = on("websocket.receive", text="late")
    late.channel_layer.closed.add(late.reply_channel.name)

    remember(late)

    assert recall(on("websocket.disconnect")) == "late"
    assert Session.objects.count() == 0


@pytest.mark.parametrize("consumer", [ignore, ignore_later])
def test_the_session_of_a_request_ends_with_a_client_that_left(consumer: Any) -> None:
    """If the project hears of that; of requests that are answered nobody hears."""
    remember(on("http.request", text="hello"))

    run(consumer, on("http.disconnect"))

    assert Session.objects.count() == 0


def test_decorators_share_the_session() -> None:
    """A consumer decorated twice has one session."""

    @channel_session
    @channel_session
    def twice(message: Message) -> None:
        message.channel_session["said"] = "once"

    with queries("INSERT session"):
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

    with queries():
        remember(on("websocket.connect", text="hello"))
    assert recall(on("websocket.receive")) == "hello"


def test_the_site_can_read_it() -> None:
    """A channel session is a row like others: the admin and shell decode it."""
    remember(on("websocket.connect", text="hello"))

    assert Session.objects.get().get_decoded() == {"said": "hello"}


def test_coroutines_make_the_same_queries() -> None:
    """Nothing is read unless touched, and nothing written unless changed."""
    with queries():
        run(ignore_later, on("websocket.connect"))
        run(ignore_later, on("websocket.receive"))
    with queries("INSERT session"):
        run(remember_later, on("websocket.connect", text="hello"))
    with queries("SELECT session"):
        run(recall_later, on("websocket.receive"))
    with queries("SELECT session", "UPDATE session"):
        run(remember_later, on("websocket.receive", text="again"))


def test_a_coroutine_keeps_the_loop_free() -> None:
    """The session's queries run beside the event loop: a loop that is blocked would end in SynchronousOnlyOperation."""

    @channel_session
    async def count(message: Message) -> None:
        await message.channel_session.aset("lines", await message.channel_session.aget("lines", 0) + 1)

    for channel in ("websocket.connect", "websocket.receive", "websocket.receive"):
        run(count, on(channel))

    assert session_for_reply_channel(MemoryLayer().reply_channel())["lines"] == 3


def test_a_callable_that_returns_a_coroutine_is_one_consumer() -> None:
    """The session is saved when the coroutine ends, not when it is made."""

    async def talk(greeting: str, message: Message) -> None:
        await asyncio.sleep(0)
        message.channel_session["said"] = greeting

    run(channel_session(functools.partial(_called, talk)), on("websocket.connect"))

    assert recall(on("websocket.receive")) == "hello"


def _called(talk: Any, message: Message) -> Any:
    return talk("hello", message)


def test_methods_have_sessions_too() -> None:
    """The message is then the second argument."""

    class Chat:
        @channel_session
        def connect(self, message: Message) -> None:
            message.channel_session["said"] = "in a method"

    Chat().connect(on("websocket.connect"))

    assert recall(on("websocket.receive")) == "in a method"


def test_classes_have_sessions_too() -> None:
    """A decorated class is a subclass whose ``dispatch`` has the session, and says so to the router."""

    class Chat:
        def __init__(self, message: Message, **kwargs: Any) -> None:
            self.message = message

        def dispatch(self, message: Message, **kwargs: Any) -> None:
            message.channel_session["said"] = kwargs["room"]

    decorated = channel_session(Chat)
    message = on("websocket.connect")
    decorated(message).dispatch(message, room="lobby")

    assert recall(on("websocket.receive")) == "lobby"
    assert issubclass(decorated, Chat)
    assert uses_channel_session(decorated)
    assert not uses_channel_session(Chat)


@pytest.mark.parametrize("outcome", [AcceptConnection, DenyConnection, StopConsumer])
def test_what_steers_the_worker_saves_the_session(outcome: type[Exception]) -> None:
    """Accepting and denying are no failures; neither is stopping."""

    def write(message: Message) -> None:
        message.channel_session["said"] = "before"
        raise outcome

    async def write_later(message: Message) -> None:
        await message.channel_session.aset("said", "before")
        raise outcome

    for local, consumer in (("ada", write), ("bob", write_later)):
        with pytest.raises(outcome):
            run(channel_session(consumer), on("websocket.connect", local))
        assert recall(on("websocket.receive", local)) == "before"


def test_a_disconnect_that_is_given_up_ends_the_session_too() -> None:
    """Its consumer asked for later once too often: no other message follows."""
    remember(on("websocket.connect", text="hello"))

    @channel_session
    def wait(message: Message) -> None:
        raise ConsumeLater

    message = on("websocket.disconnect")
    with pytest.raises(ConsumeLater):
        wait(message)
    assert Session.objects.count() == 1
    message = on("websocket.disconnect")
    message.__doomed__ = True
    with pytest.raises(ConsumeLater):
        wait(message)
    assert Session.objects.count() == 0


def answering(*contents: dict[str, Any], outcome: type[BaseException] | None = None) -> list[Any]:
    """Consumers, a function and a coroutine, that write to the session, answer, and raise *outcome*."""

    @channel_session
    def answer(message: Message) -> None:
        assert message.reply_channel is not None
        message.channel_session["said"] = "hello"
        for content in contents:
            message.reply_channel.send(content)
        if outcome is not None:
            raise outcome

    @channel_session
    async def answer_later(message: Message) -> None:
        assert message.reply_channel is not None
        await message.channel_session.aset("said", "hello")
        for content in contents:
            await message.reply_channel.asend(content, immediately=True)
        if outcome is not None:
            raise outcome

    return [answer, answer_later]


def connect(consumer: Any, layer: MemoryLayer) -> None:
    """Have a worker consume the first message of a WebSocket."""
    worker = worker_for(layer, [route("websocket.connect", consumer)])
    worker.consume("websocket.connect", {"reply_channel": layer.reply_channel(), "path": "/", "order": 0})


@pytest.mark.parametrize(
    "consumer",
    [
        *answering(outcome=DenyConnection),
        *answering(outcome=RuntimeError),
        *answering({"close": True}),
        *answering({"accept": False}),
    ],
)
def test_a_websocket_that_is_refused_leaves_no_session(layer: MemoryLayer, consumer: Any) -> None:
    """No disconnect follows, so that nobody would delete it: a browser that tries again and again would leave many."""
    connect(consumer, layer)

    assert Session.objects.count() == 0


def test_a_session_that_was_saved_goes_with_the_refusal(layer: MemoryLayer) -> None:
    """A consumer may save it by itself."""

    @channel_session
    def save_and_deny(message: Message) -> None:
        message.channel_session.save()
        raise DenyConnection

    connect(save_and_deny, layer)

    assert Session.objects.count() == 0


@pytest.mark.parametrize(
    "consumer",
    [
        *answering({"accept": True}),
        *answering({"accept": True}, {"close": True}),
        *answering({"accept": True}, outcome=RuntimeError),
        *answering({"text": "hello"}, outcome=DenyConnection),
        *answering(outcome=AcceptConnection),
        *answering(outcome=StopConsumer),
    ],
)
def test_a_websocket_that_opens_has_its_session_at_the_end(layer: MemoryLayer, consumer: Any) -> None:
    """A disconnect follows, whose consumer may read it, even where it is closed at once."""
    connect(consumer, layer)

    assert recall(on("websocket.disconnect")) == "hello"


def test_flushing_empties_the_session_of_this_connection() -> None:
    """It keeps its key, which comes from the reply channel: what is put in afterwards is found by the next message."""
    remember(on("websocket.connect", text="hello"))

    @channel_session
    def begin_anew(message: Message) -> None:
        message.channel_session.flush()
        message.channel_session["name"] = "new"

    @channel_session
    async def flush(message: Message) -> None:
        await message.channel_session.aflush()

    begin_anew(on("websocket.receive"))
    assert Session.objects.get().get_decoded() == {"name": "new"}
    run(flush, on("websocket.receive"))
    assert Session.objects.count() == 0


@pytest.mark.parametrize("text", ["SELECT", "UPDATE"])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_database_that_is_gone_is_named(
    text: str, is_async: bool, caplog: pytest.LogCaptureFixture, layer: MemoryLayer
) -> None:
    """The error is in the log with the consumer's name, and the client is told: nothing is swallowed."""
    remember(on("websocket.connect", text="hello"))
    consumer: Any = remember_later if is_async else remember
    worker = worker_for(layer, [route("websocket.receive", consumer)])

    def refuse(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith(text):
            raise OperationalError("the database is gone")
        return execute(sql, *args)

    message = {"reply_channel": layer.reply_channel(), "text": "again"}
    with connection.execute_wrapper(refuse):
        run(lambda _: _consumed(worker, message, is_async), on("websocket.receive"))

    assert "remember" in caplog.text
    assert "failed on a message on websocket.receive" in caplog.text
    assert "OperationalError: the database is gone" in caplog.text
    assert layer.sent(layer.reply_channel()) == [{"close": 1011, "status": 500}]


def _consumed(worker: Any, message: dict[str, Any], is_async: bool) -> Any:
    """Have *worker* consume; a coroutine in the loop and thread of the test, which have the broken database."""
    if not is_async:
        worker.consume("websocket.receive", message)
        return None
    running: list[Any] = []
    worker.loop = _Loop(running)
    worker.consume("websocket.receive", message)
    return running[0]


class _Loop:
    """Takes what a worker would run on its loop."""

    def __init__(self, running: list[Any]) -> None:
        self._running = running

    def spawn(self, coroutine: Any, context: Any) -> None:
        """Keep *coroutine*."""
        self._running.append(coroutine)


# The browser's session.


@http_session
def see(message: Message) -> Any:
    """Read the browser's session."""
    return None if message.http_session is None else dict(message.http_session.items())


@http_session
async def see_later(message: Message) -> Any:
    """Read the browser's session, from a coroutine."""
    return None if message.http_session is None else dict(await message.http_session.aitems())


@http_session
def pass_by(message: Message) -> None:
    """Never touch the browser's session."""


def browser(**values: Any) -> str:
    """The key of a session that a view made."""
    return log_in(new_user(), **values)


@pytest.mark.parametrize("consumer", [see, see_later])
def test_the_cookie_names_the_session(consumer: Any) -> None:
    """It comes with the first message of a connection; the session is what views know as ``request.session``."""
    key = browser(colour="red")

    with queries("SELECT session"):
        seen = run(consumer, arriving(key))

    assert seen["colour"] == "red"


def test_the_query_string_may_name_the_session() -> None:
    """``?session_key=`` wins, for clients that have no cookies."""
    key = browser(colour="red")

    assert see(arriving("0" * 32, query_string=f"a=1&session_key={key}".encode()))["colour"] == "red"


@pytest.mark.parametrize("headers", [[], [[b"cookie", b"\xff\xfe;=;sessionid"]], [[b"cookie", b"sessionid="]]])
def test_a_browser_without_a_session(headers: Any) -> None:
    """It has none, and none is made."""
    with queries():
        assert see(on("websocket.connect", headers=headers)) is None


@pytest.mark.parametrize("query_string", [b"\xff=%ff&session_key", b"&".join([b"a=1"] * 2000)])
def test_a_query_string_of_garbage(query_string: bytes) -> None:
    """Is no reason to fail."""
    assert see(arriving(query_string=query_string)) is None


def test_later_messages_have_no_cookie() -> None:
    """Without another decorator the browser's session is there for the first message only."""
    assert see(on("websocket.receive", text="hi")) is None


@pytest.mark.parametrize("key", ["0" * 32, "'; DROP TABLE", "x", "ä" * 40])
def test_a_cookie_that_was_tampered_with(key: str) -> None:
    """The session is empty, and no row is made for what the visitor invented."""

    @http_session
    def write(message: Message) -> dict[str, Any]:
        assert message.http_session is not None
        seen = dict(message.http_session.items())
        message.http_session["colour"] = "red"
        return seen

    assert write(arriving(key)) == {}
    assert Session.objects.count() == 0


def test_a_session_that_is_not_there_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Who writes into it is told that it leads nowhere."""

    @http_session
    def write(message: Message) -> None:
        assert message.http_session is not None
        message.http_session["colour"] = "red"

    write(arriving("0" * 32))

    assert "does not exist, and is only made by a view" in caplog.text


def test_an_expired_session_is_empty() -> None:
    """As for a view."""
    key = browser(colour="red")
    Session.objects.update(expire_date="2020-01-01T00:00:00Z")

    assert see(arriving(key)) == {}


def test_an_untouched_browser_session_costs_nothing() -> None:
    """No query for the cookie alone."""
    with queries():
        pass_by(arriving("0" * 32))


@pytest.mark.parametrize("is_async", [False, True])
def test_changes_reach_the_site(is_async: bool) -> None:
    """They are saved when the consumer ends, under the key that the browser has."""
    key = browser(colour="red")

    def paint(message: Message) -> None:
        assert message.http_session is not None
        message.http_session["colour"] = "blue"
        raise AcceptConnection

    async def paint_later(message: Message) -> None:
        assert message.http_session is not None
        await message.http_session.aset("colour", "blue")
        raise AcceptConnection

    consumer: Any = paint_later if is_async else paint
    with pytest.raises(AcceptConnection), queries("SELECT session", "UPDATE session"):
        run(http_session(consumer), arriving(key))

    assert session_of(key)["colour"] == "blue"


def test_a_consumer_that_fails_leaves_the_browser_alone() -> None:
    """As a view that answers 500 does."""
    key = browser(colour="red")

    @http_session
    def fail(message: Message) -> None:
        assert message.http_session is not None
        message.http_session["colour"] = "blue"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail(arriving(key))

    assert session_of(key)["colour"] == "red"


@pytest.mark.parametrize("is_async", [False, True])
def test_the_browser_logs_out_meanwhile(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Its session is gone and is not made again."""
    key = browser()

    @http_session
    def paint(message: Message) -> None:
        assert message.http_session is not None
        message.http_session["colour"] = "blue"
        Session.objects.all().delete()

    @http_session
    async def paint_later(message: Message) -> None:
        assert message.http_session is not None
        await message.http_session.aset("colour", "blue")
        await Session.objects.all().adelete()

    run(paint_later if is_async else paint, arriving(key))

    assert "is gone; its changes are dropped" in caplog.text
    assert Session.objects.count() == 0


def test_sessions_in_cookies_can_be_read(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """But not written: no cookie can be sent over a WebSocket."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    store = SessionStore()
    store["colour"] = "red"
    store.save()

    @http_session
    def paint(message: Message) -> Any:
        assert message.http_session is not None
        was = message.http_session["colour"]
        message.http_session["colour"] = "blue"
        return was

    assert paint(arriving(store.session_key)) == "red"
    assert "is a cookie, which cannot be sent from here" in caplog.text


# Both.


@channel_and_http_session
def look(message: Message) -> Any:
    """Read the browser's session, with any message."""
    return None if message.http_session is None else message.http_session.get("colour")


@channel_and_http_session
async def look_later(message: Message) -> Any:
    """Read the browser's session, with any message, from a coroutine."""
    return None if message.http_session is None else await message.http_session.aget("colour")


@channel_and_http_session
def walk_past(message: Message) -> None:
    """Touch neither session."""


@pytest.mark.parametrize("consumer", [look, look_later])
def test_the_browsers_session_comes_with_every_message(consumer: Any) -> None:
    """Its key is kept in the channel session."""
    key = browser(colour="red")

    first = run(consumer, arriving(key))
    second = run(consumer, on("websocket.receive", text="hi"))

    assert (first, second) == ("red", "red")


def test_the_browsers_session_is_found_when_it_is_used() -> None:
    """Connecting keeps the key; later it costs two queries, or none."""
    key = browser(colour="red")

    with queries("INSERT session"):
        walk_past(arriving(key))
    with queries():
        walk_past(on("websocket.receive"))
    with queries("SELECT session", "SELECT session"):
        look(on("websocket.receive"))


@channel_and_http_session
def tell_key(message: Message) -> Any:
    """Ask for nothing but the key."""
    return message.http_session and message.http_session.session_key


def test_the_key_of_the_browsers_session_is_known_when_it_is_asked_for() -> None:
    """It names groups and channels of a visitor: None there would be one of all visitors."""
    key = browser(colour="red")

    at_connect = tell_key(arriving(key))
    with queries("SELECT session"):
        at_receive = tell_key(on("websocket.receive"))

    assert (at_connect, at_receive) == (key, key)
    assert tell_key(on("websocket.receive", "another")) is None


def test_coroutines_read_the_session_before_its_key() -> None:
    """An attribute cannot be awaited: one that is not known yet is refused as any query there, again and again."""
    key = browser(colour="red")
    walk_past(arriving(key))

    @channel_and_http_session
    async def ask(message: Message) -> Any:
        assert message.http_session is not None
        for _ in range(2):
            with pytest.raises(SynchronousOnlyOperation):
                _ = message.http_session.session_key
        await message.http_session.aget("colour")
        return message.http_session.session_key

    assert run(ask, on("websocket.receive")) == key


@channel_and_http_session
def renew(message: Message) -> None:
    """Have the session saved without a look at it."""
    message.http_session.modified = True  # type: ignore[union-attr]  # a later message always has one


@channel_and_http_session
async def renew_later(message: Message) -> None:
    """Do so in a coroutine."""
    message.http_session.modified = True  # type: ignore[union-attr]  # as above


@pytest.mark.parametrize("consumer", [renew, renew_later])
def test_a_session_is_saved_that_nobody_looked_at(consumer: Any) -> None:
    """So a visitor's session is kept alive; it was found nowhere before."""
    walk_past(arriving(browser(colour="red")))

    with queries("SELECT session", "SELECT session", "UPDATE session"):
        run(consumer, on("websocket.receive"))


@pytest.mark.parametrize("method", ["aflush", "adelete", "aload"])
def test_coroutines_need_not_read_a_session_before_what_they_await(method: str) -> None:
    """The first thing that one does may be to end the session, or to read it all."""
    key = browser(colour="red")
    walk_past(arriving(key))

    @channel_and_http_session
    async def do(message: Message) -> None:
        await getattr(message.http_session, method)()

    run(do, on("websocket.receive"))

    assert Session.objects.filter(session_key=key).exists() == (method == "aload")


def test_both_sessions_without_a_cookie() -> None:
    """The browser has no session when it connects; with later messages an empty one."""
    assert look(arriving()) is None
    assert look(on("websocket.receive")) is None
    with queries():
        walk_past(arriving())


def test_later_changes_reach_the_site() -> None:
    """Under the key that came with the first message."""
    key = browser(colour="red")
    walk_past(arriving(key))

    @channel_and_http_session
    def paint(message: Message) -> None:
        assert message.http_session is not None
        message.http_session["colour"] = "blue"

    paint(on("websocket.receive"))
    walk_past(on("websocket.disconnect"))

    assert session_of(key)["colour"] == "blue"
    assert Session.objects.count() == 1


# Any order, and the marks.


def test_every_decorator_with_a_channel_session_is_marked() -> None:
    """So that the router has the session deleted in the end, whatever is outside."""

    def consumer(message: Message) -> None:
        """Nothing."""

    with_session: list[Any] = [
        channel_session,
        channel_and_http_session,
        channel_session_user,
        channel_session_user_from_http,
        enforce_ordering,
        enforce_ordering(),
    ]

    assert all(uses_channel_session(decorate(consumer)) for decorate in with_session)
    assert all(uses_channel_session(http_session(decorate(consumer))) for decorate in with_session)
    assert not uses_channel_session(http_session(consumer))


@pytest.mark.parametrize("outside", [channel_session, http_session, channel_and_http_session])
@pytest.mark.parametrize("inside", [channel_session, http_session, channel_and_http_session])
def test_decorators_stack_in_any_order(outside: Any, inside: Any) -> None:
    """Each session is opened once and saved once."""
    key = browser(colour="red")

    @outside
    @inside
    def write(message: Message) -> None:
        if hasattr(message, "channel_session"):
            message.channel_session["said"] = "hello"
        if hasattr(message, "http_session"):
            assert message.http_session is not None
            message.http_session["colour"] = "blue"

    write(arriving(key))

    has_http = {outside, inside} != {channel_session}
    has_channel = {outside, inside} != {http_session}
    assert session_of(key)["colour"] == ("blue" if has_http else "red")
    assert recall(on("websocket.receive")) == ("hello" if has_channel else None)


def test_decorated_without_a_message() -> None:
    """A mistake that says what is missing."""
    with pytest.raises(TypeError, match="called with a message"):
        remember({"text": "hello"})  # type: ignore[arg-type]
