"""
``channel_session``: a Django session per connection, keyed by its reply channel.

It is stored by ``CHANNEL_SESSION_ENGINE``, or ``SESSION_ENGINE`` where that is not set. Nothing is
read before the consumer touches the session, nothing is written unless it changed, and the row is
deleted after ``websocket.disconnect``. Two consumers of one connection that run at once both work on a
session of their own, and the later to end wins, key by key when they both create it.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.core.exceptions import ImproperlyConfigured

from zmqlayer.messages import WEBSOCKET_CONNECT, WEBSOCKET_DISCONNECT
from zmqlayer.worker.exceptions import ConsumeLater
from zmqlayer.worker.message import Message

__all__ = ["channel_session", "session_for_reply_channel", "uses_channel_session"]

logger = logging.getLogger(__name__)

AnyConsumer = TypeVar("AnyConsumer", bound=Callable[..., Any])

KEY_PREFIX: Final = "chn"
KEY_LENGTH: Final = 32
SIGNED_COOKIES: Final = "django.contrib.sessions.backends.signed_cookies"


def channel_session(consumer: AnyConsumer) -> AnyConsumer:
    """
    Give *consumer* the session of the connection as ``message.channel_session``.

    The session is saved when the consumer ends, even by an exception, if it changed; but not when the
    consumer raises ``ConsumeLater``, because it will run again.

    Raises:
        ValueError: By the consumer, when the message has no reply channel.
        ImproperlyConfigured: By the consumer, when the session engine keeps sessions in cookies.
    """

    @functools.wraps(consumer)
    def with_session(message: Message, *args: Any, **kwargs: Any) -> Any:
        if hasattr(message, "channel_session"):
            return consumer(message, *args, **kwargs)
        message.channel_session = session = _open(message)
        try:
            result = consumer(message, *args, **kwargs)
        except ConsumeLater:
            raise
        except BaseException:
            _finish(message, session)
            raise
        _finish(message, session)
        return result

    vars(with_session)["uses_channel_session"] = True
    return cast(AnyConsumer, with_session)


def uses_channel_session(consumer: Callable[..., Any]) -> bool:
    """Whether *consumer* is wrapped in :func:`channel_session`, directly or below other decorators."""
    return bool(getattr(consumer, "uses_channel_session", False))


def session_for_reply_channel(reply_channel: str) -> SessionBase:
    """
    Return the session of the connection behind *reply_channel*, not loaded yet.

    Raises:
        ImproperlyConfigured: The session engine keeps sessions in cookies.
    """
    return _store_class(_engine_name())(_session_key(reply_channel))


def _open(message: Message) -> SessionBase:
    if message.reply_channel is None:
        raise ValueError(
            f"a message on {message.channel} has no reply channel, so it has no channel session; "
            f"use channel_session only for messages of a connection"
        )
    session = session_for_reply_channel(message.reply_channel.name)
    is_first = message.channel.name == WEBSOCKET_CONNECT and "__retries__" not in message
    if is_first:
        cast(_ChannelSession, session).begin()
    return session


def _finish(message: Message, session: SessionBase) -> None:
    if message.channel.name == WEBSOCKET_DISCONNECT:
        session.delete(_session_key(str(message.reply_channel)))
    elif session.modified:
        try:
            session.save()
        except UpdateError:
            logger.warning("the channel session of %s is gone; its changes are dropped", message.reply_channel)


def _session_key(reply_channel: str) -> str:
    digest = hashlib.sha256(reply_channel.encode()).hexdigest()
    return KEY_PREFIX + digest[: KEY_LENGTH - len(KEY_PREFIX)]


def _engine_name() -> str:
    return str(getattr(settings, "CHANNEL_SESSION_ENGINE", None) or settings.SESSION_ENGINE)


class _ChannelSession(SessionBase):
    """
    Mixed into an engine's store: keeps the given key, where Django would make a new one for an unknown key.

    Django drops unknown keys lest a visitor choose one. Ours come from reply channels, not from visitors.
    """

    is_new = False

    def begin(self) -> None:
        """Start empty without asking the engine: this is the connection's first message."""
        self.is_new = True
        self._session_cache: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        key = self.session_key
        loaded = super().load()
        if self.session_key != key:
            self._session_key = key
            self.is_new = True
        return loaded

    def save(self, must_create: bool = False) -> None:
        try:
            super().save(must_create=must_create or self.is_new)
        except CreateError:
            # Another consumer of this connection created it meanwhile: keep its keys, but ours win.
            ours = dict(self.items())
            self._session_cache = {**super().load(), **ours}
            super().save()
        self.is_new = False


@functools.cache
def _store_class(engine_name: str) -> type[SessionBase]:
    if engine_name == SIGNED_COOKIES:
        raise ImproperlyConfigured(
            "channel sessions cannot be kept in cookies, since a WebSocket sends none while it is open; "
            'set CHANNEL_SESSION_ENGINE, for example to "django.contrib.sessions.backends.db"'
        )
    engine_store = import_module(engine_name).SessionStore
    return cast(type[SessionBase], type("ChannelSessionStore", (_ChannelSession, engine_store), {}))
