"""
Sessions for consumers: one for each connection, and the one of the browser behind it.

``channel_session`` belongs to a connection, and is keyed by its reply channel. It is stored by
``CHANNEL_SESSION_ENGINE``, or ``SESSION_ENGINE`` where that is not set, and deleted after ``websocket.disconnect``, or
``http.disconnect`` if a consumer with the session takes it. For a WebSocket that is refused, which has no disconnect,
it is not stored. A request that is answered has no such end: what it stored stays until ``clearsessions`` after its
expiry. Two consumers of one connection that run at once both work on a session of their own, and the later to end wins,
key by key when they both create it.

A message of one's own channel may be consumed after the disconnect. If it is known here that the connection is closed,
the session does not begin anew, and a warning says so; if not, it stays as that of a request does.

``http_session`` is what the browser's cookie names: what a view knows as ``request.session``.

Nothing is read before the consumer touches a session, and nothing is written unless it changed. Both are sessions of
Django: a consumer that is a coroutine uses ``await message.channel_session.aget("name")``, ``aset`` and so on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, overload
from urllib.parse import parse_qsl

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import parse_cookie

from zmqlayer.messages import HTTP_DISCONNECT, WEBSOCKET_CONNECT, WEBSOCKET_DISCONNECT
from zmqlayer.worker.decoration import AnyConsumer, Surrounding, surround
from zmqlayer.worker.exceptions import (
    ChannelSocketException,
    ConsumeLater,
    DenyConnection,
    StopConsumer,
    WebsocketCloseException,
)
from zmqlayer.worker.message import Message
from zmqlayer.worker.ordering import Turn, forget_turns
from zmqlayer.worker.outbox import current_outbox
from zmqlayer.worker.parking import Parked
from zmqlayer.worker.stores import SIGNED_COOKIES, ChannelSession, channel_store, connection_key, http_store

__all__ = [
    "brings_cookies",
    "channel_and_http_session",
    "channel_session",
    "enforce_ordering",
    "http_session",
    "session_for_reply_channel",
    "uses_channel_session",
]

logger = logging.getLogger(__name__)

LAST: Final = frozenset({WEBSOCKET_DISCONNECT, HTTP_DISCONNECT})
"""Where the last message of a connection is received."""


def channel_session(consumer: AnyConsumer) -> AnyConsumer:
    """
    Give *consumer* the session of the connection as ``message.channel_session``.

    The session is saved when the consumer ends, even by an exception, if it changed; but not when the
    consumer raises ``ConsumeLater``, because it will run again, nor when a WebSocket was refused by that.

    Raises:
        ValueError: By the consumer, when the message has no reply channel.
        ImproperlyConfigured: By the consumer, when the session engine keeps sessions in cookies.
    """
    return surround(consumer, _WithChannelSession, uses_channel_session=True)


def http_session(consumer: AnyConsumer) -> AnyConsumer:
    """
    Give *consumer* the session of the browser as ``message.http_session``.

    It is found by the query string's ``session_key`` or else the session cookie, which come with ``websocket.connect``
    and ``http.request``; None where there is neither. It is never created, and keeps its key; if the key is unknown,
    expired or invented, it is empty and stays so. It is saved when the consumer ends, unless that failed.
    """
    return surround(consumer, _WithHttpSession)


def channel_and_http_session(consumer: AnyConsumer) -> AnyConsumer:
    """
    Give *consumer* both sessions.

    On ``websocket.connect`` the key of the browser's session is put into the channel session, so that the browser's
    session is there with every later message too: looked up when it is used, and empty if there was none. A coroutine
    awaits something of it before it asks for its ``session_key``.
    """
    return http_session(channel_session(surround(consumer, _RememberHttpSession)))


@overload
def enforce_ordering(consumer: AnyConsumer, slight: bool = False) -> AnyConsumer: ...


@overload
def enforce_ordering(*, slight: bool = False) -> Callable[[AnyConsumer], AnyConsumer]: ...


def enforce_ordering(consumer: AnyConsumer | None = None, slight: bool = False) -> Any:
    """
    Have the messages of a connection consumed one after the other; gives the channel session too.

    Where the interface server keeps one message in flight, as ours do by default, this costs nothing. Else a message
    that comes too early is put aside, next to the channel session, until the consumer of the one before has ended,
    wherever that runs. It waits for 30 seconds at most: if the one before was lost by then, or is still being consumed,
    the connection goes on without it, with a warning in the log. A client of whom ten thousand messages wait is closed
    with 1008.

    Decorate all consumers of ``websocket.receive`` and ``websocket.disconnect`` that a connection may get to: nobody
    learns that another one has ended. The first message after ``websocket.connect`` never waits, because servers send
    it when that is answered.

    Raises:
        ValueError: *slight* is asked for; or, by the consumer, a message has no reply channel or no ``order``.
    """
    if slight:
        raise ValueError("enforce_ordering(slight=True) is gone: all ordering is strict now; remove slight")
    return _in_order if consumer is None else _in_order(consumer)


def uses_channel_session(consumer: Callable[..., Any]) -> bool:
    """Whether *consumer* has a channel session by any of the decorators, directly or below others."""
    return bool(getattr(consumer, "uses_channel_session", False))


def session_for_reply_channel(reply_channel: str) -> SessionBase:
    """
    Return the session of the connection behind *reply_channel*, not loaded yet.

    Raises:
        ImproperlyConfigured: The session engine keeps sessions in cookies.
    """
    return channel_store(ChannelSession, connection_key(reply_channel))


def brings_cookies(message: Message) -> bool:
    """Whether *message* is one in which a browser sends its cookies."""
    return "headers" in message


def _in_order(consumer: AnyConsumer) -> AnyConsumer:
    return surround(channel_session(consumer), Turn, uses_channel_session=True, enforces_ordering=True)


class _WithChannelSession(Surrounding):
    """Opens the channel session, and saves or deletes it, unless another decorator does."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self._session: ChannelSession | None = None

    def begin(self) -> None:
        message = self.message
        if hasattr(message, "channel_session"):
            return
        if message.reply_channel is None:
            raise ValueError(
                f"a message on {message.channel_name} has no reply channel, so it has no channel session; "
                f"use channel_session only for messages of a connection"
            )
        self._session = channel_store(ChannelSession, connection_key(message.reply_channel.name))
        if message.channel_name == WEBSOCKET_CONNECT and "__retries__" not in message:
            self._session.begin()
        message.channel_session = self._session

    def end(self, error: BaseException | None) -> None:
        session = self._session
        if session is None or self._will_run_again(error):
            return
        if self._is_last:
            session.delete(self._key)
            forget_turns(self.message)
        elif self._is_refused(error):
            if not session.is_new:
                session.delete(self._key)
        elif session.modified and not self._is_over(session):
            try:
                session.save()
            except UpdateError:
                self._warn()

    async def aend(self, error: BaseException | None) -> None:
        session = self._session
        if session is None or self._will_run_again(error):
            return
        if self._is_last:
            await session.adelete(self._key)
            await sync_to_async(forget_turns)(self.message)
        elif self._is_refused(error):
            if not session.is_new:
                await session.adelete(self._key)
        elif session.modified and not self._is_over(session):
            try:
                await session.asave()
            except UpdateError:
                self._warn()

    @property
    def _is_last(self) -> bool:
        return self.message.channel_name in LAST

    @property
    def _key(self) -> str:
        return connection_key(str(self.message.reply_channel))

    def _will_run_again(self, error: BaseException | None) -> bool:
        return isinstance(error, Parked) or (isinstance(error, ConsumeLater) and not self.message.__doomed__)

    def _is_refused(self, error: BaseException | None) -> bool:
        """Whether the handshake is refused: nothing follows, not even a disconnect, so that nobody would delete it."""
        outbox = current_outbox()  # None where a test calls the consumer by itself
        if self.message.channel_name != WEBSOCKET_CONNECT or outbox is None:
            return False
        reply_channel = str(self.message.reply_channel)
        return outbox.has_refused(reply_channel) or (_refuses(error) and outbox.said_to(reply_channel) is None)

    def _is_over(self, session: ChannelSession) -> bool:
        """Whether saving would begin the session of a connection that is closed; nobody would delete it then."""
        layer = self.message.channel_layer  # None where a test makes its messages by itself, as those of 1.x do
        if not session.is_new or layer is None or layer.is_open(str(self.message.reply_channel)):
            return False
        self._warn()
        return True

    def _warn(self) -> None:
        logger.warning("the channel session of %s is gone; its changes are dropped", self.message.reply_channel)


class _WithHttpSession(Surrounding):
    """Opens the browser's session, and saves it, unless another decorator does."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self._is_owner = False

    def begin(self) -> None:
        if hasattr(self.message, "http_session"):
            return
        self._is_owner = True
        key = _browser_key(self.message) if brings_cookies(self.message) else None
        self.message.http_session = http_store(key) if key else None

    def end(self, error: BaseException | None) -> None:
        session = self._changed(error)
        if session is not None:
            try:
                session.save()
            except UpdateError:
                self._warn("is gone")

    async def aend(self, error: BaseException | None) -> None:
        session = self._changed(error)
        if session is not None:
            try:
                await session.asave()
            except UpdateError:
                self._warn("is gone")

    def _changed(self, error: BaseException | None) -> SessionBase | None:
        """Return the session if it is to be saved."""
        session = self.message.http_session
        is_fine = error is None or isinstance(error, StopConsumer | ChannelSocketException)
        if not (self._is_owner and is_fine and session is not None and session.modified):
            return None
        if settings.SESSION_ENGINE == SIGNED_COOKIES:
            self._warn("is a cookie, which cannot be sent from here")
            return None
        if not session.is_empty() and session.session_key is None:  # in this order: one not looked at counts as empty
            self._warn("does not exist, and is only made by a view")
        return session

    def _warn(self, problem: str) -> None:
        logger.warning(
            "the browser's session of a message on %s %s; its changes are dropped", self.message.channel_name, problem
        )


class _RememberHttpSession(Surrounding):
    """Keeps the key of the browser's session in the channel session. Runs inside both."""

    def begin(self) -> None:
        key = self._key_to_keep()
        if key and settings.SESSION_COOKIE_NAME not in self.message.channel_session:
            self.message.channel_session[settings.SESSION_COOKIE_NAME] = key

    async def abegin(self) -> None:
        key = self._key_to_keep()
        if key and not await self.message.channel_session.ahas_key(settings.SESSION_COOKIE_NAME):
            await self.message.channel_session.aset(settings.SESSION_COOKIE_NAME, key)

    def _key_to_keep(self) -> str | None:
        session = self.message.http_session
        if session is None and not brings_cookies(self.message):
            self.message.http_session = later = http_store(None)
            later.memory = self.message.channel_session
            return None
        return session.session_key if session is not None and brings_cookies(self.message) else None


def _refuses(error: BaseException | None) -> bool:
    """Whether a consumer that raises *error* refuses a WebSocket that waits for an answer, or fails to answer it."""
    if isinstance(error, DenyConnection | WebsocketCloseException):
        return True
    return error is not None and not isinstance(error, ChannelSocketException | StopConsumer)


def _browser_key(message: Message) -> str | None:
    """Return the key of the browser's session: by query string, as where cookies are not sent, or by cookie."""
    query = message.get("query_string") or b""
    fields = dict(parse_qsl(query if isinstance(query, str) else _text(query)))  # a QueryDict refuses many fields
    cookies = "; ".join(_text(header[1]) for header in message["headers"] if bytes(header[0]).lower() == b"cookie")
    return fields.get("session_key") or parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)


def _text(value: bytes) -> str:
    return value.decode("latin-1")
