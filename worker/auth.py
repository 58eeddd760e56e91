"""
Who is behind a message: Django's users for consumers.

``message.user`` is looked up when it is first used, by one query, and is an ``AnonymousUser`` where nobody is logged
in. A consumer that is a coroutine writes ``await message.auser()``, as with Django's requests; from then on
``message.user`` can be used there too.

A browser's login is in its ``http_session``, whose cookie only comes with the connection's first message.
``channel_session_user_from_http`` copies it into the channel session there, and ``channel_session_user`` finds it with
all later messages. A user whose password was changed, or who was deleted, is logged out by that, as on a site's pages.
"""

from __future__ import annotations

from typing import Any

from django.contrib import auth
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from zmqlayer.worker.decoration import AnyConsumer, Surrounding, surround
from zmqlayer.worker.message import Message
from zmqlayer.worker.sessions import brings_cookies, channel_and_http_session, channel_session, http_session

__all__ = [
    "alogin",
    "alogout",
    "atransfer_user",
    "channel_and_http_session_user_from_http",
    "channel_session_user",
    "channel_session_user_from_http",
    "http_session_user",
    "login",
    "logout",
    "transfer_user",
]

LOGIN_KEYS = (auth.SESSION_KEY, auth.BACKEND_SESSION_KEY, auth.HASH_SESSION_KEY)


def channel_session_user(consumer: AnyConsumer) -> AnyConsumer:
    """Give *consumer* the user of the channel session as ``message.user``; gives the channel session too."""
    return channel_session(surround(consumer, _WithChannelUser))


def http_session_user(consumer: AnyConsumer) -> AnyConsumer:
    """Give *consumer* the user of the browser's session as ``message.user``; gives that session too, or None."""
    return http_session(surround(consumer, _WithHttpUser))


def channel_session_user_from_http(consumer: AnyConsumer) -> AnyConsumer:
    """
    Give *consumer* both sessions, and the user; for ``websocket.connect``.

    The browser's login is copied into the channel session, where ``channel_session_user`` finds it later.
    """
    return http_session(channel_session(surround(consumer, _WithUserFromHttp)))


def channel_and_http_session_user_from_http(consumer: AnyConsumer) -> AnyConsumer:
    """
    Give *consumer* both sessions, and the user, with every message of a connection.

    As ``channel_session_user_from_http``; and the browser's session is found with later messages too.
    """
    return channel_and_http_session(surround(consumer, _WithUserFromHttp))


def transfer_user(from_session: SessionBase, to_session: SessionBase) -> None:
    """Copy the login of one session to another; nothing happens if nobody is logged in there."""
    found = {key: from_session.get(key) for key in LOGIN_KEYS}
    if all(value is not None for value in found.values()):
        to_session.update(found)


async def atransfer_user(from_session: SessionBase, to_session: SessionBase) -> None:
    """Copy the login of one session to another, from a coroutine."""
    found = {key: await from_session.aget(key) for key in LOGIN_KEYS}
    if all(value is not None for value in found.values()):
        await to_session.aupdate(found)


def login(message: Message, user: Any, backend: str | None = None) -> None:
    """
    Log *user* in for the rest of the connection: in its channel session. The browser stays as it is.

    Args:
        backend: The authentication backend's dotted path, if the user did not come from ``authenticate``.

    Raises:
        ValueError: The settings have several backends, and none is named.
    """
    auth.login(_request(message.channel_session, user), user, backend)
    _Known(message.channel_session, user).put_on(message)


async def alogin(message: Message, user: Any, backend: str | None = None) -> None:
    """Log *user* in for the rest of the connection, from a coroutine."""
    await auth.alogin(_request(message.channel_session, user), user, backend)
    _Known(message.channel_session, user).put_on(message)


def logout(message: Message) -> None:
    """Log out whoever is logged in for the connection. All that is in its channel session is gone, as with requests."""
    auth.logout(_request(message.channel_session, getattr(message, "user", None)))
    _Known(message.channel_session).put_on(message)


async def alogout(message: Message) -> None:
    """Log out whoever is logged in for the connection, from a coroutine."""
    user = await message.auser() if hasattr(message, "auser") else None
    await auth.alogout(_request(message.channel_session, user))
    _Known(message.channel_session).put_on(message)


class _Known:
    """The user of one session, looked up at most once."""

    def __init__(self, session: SessionBase | None, user: Any = None) -> None:
        self._session = session
        self._user = user

    def get(self) -> Any:
        """Return the user."""
        if self._user is None:
            self._user = auth.get_user(_request(self._session))
        return self._user

    async def aget(self) -> Any:
        """Return the user, from a coroutine."""
        if self._user is None:
            self._user = await auth.aget_user(_request(self._session))
        return self._user

    def put_on(self, message: Message) -> None:
        """Let the consumer of *message* know."""
        message.user = SimpleLazyObject(self.get)
        message.auser = self.aget


class _WithChannelUser(Surrounding):
    """The user of the channel session."""

    def begin(self) -> None:
        _Known(self.message.channel_session).put_on(self.message)


class _WithHttpUser(Surrounding):
    """The user of the browser's session."""

    def begin(self) -> None:
        _Known(self.message.http_session).put_on(self.message)


class _WithUserFromHttp(_WithChannelUser):
    """The user of the channel session, who comes from the browser's."""

    def begin(self) -> None:
        if self.message.http_session is not None and brings_cookies(self.message):
            transfer_user(self.message.http_session, self.message.channel_session)
        super().begin()

    async def abegin(self) -> None:
        if self.message.http_session is not None and brings_cookies(self.message):
            await atransfer_user(self.message.http_session, self.message.channel_session)
        super().begin()


def _request(session: SessionBase | None, user: Any = None) -> HttpRequest:
    """Return what Django's functions, and receivers of their signals, take for a request."""
    request = HttpRequest()
    request.session = SessionBase() if session is None else session
    if user is not None:
        request.user = user
        vars(request)["auser"] = _Known(session, user).aget
    return request
