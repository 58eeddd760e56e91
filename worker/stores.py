"""
Django's session engines, with keys that stay as they are.

Django gives a session a new key where the key is unknown, or the visitor logs in, and tells the browser by a cookie. In
the middle of a WebSocket no cookie can be sent. So these stores keep the key they have: that of a channel session comes
from the reply channel, which no visitor can choose, and that of a browser's session is the browser's.

Used by :mod:`zmqlayer.worker.sessions` and :mod:`zmqlayer.worker.parking`.
"""

from __future__ import annotations

import functools
import hashlib
from importlib import import_module
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

__all__ = ["SIGNED_COOKIES", "BrowserSession", "ChannelSession", "Row", "channel_store", "connection_key", "http_store"]

KEY_PREFIX: Final = "chn"
KEY_LENGTH: Final = 32
CACHED_DB: Final = "django.contrib.sessions.backends.cached_db"
DB: Final = "django.contrib.sessions.backends.db"
SIGNED_COOKIES: Final = "django.contrib.sessions.backends.signed_cookies"


class _KeyKeeper(SessionBase):
    """Mixed into an engine's store."""

    def cycle_key(self) -> None:
        """Keep the key: nobody could be told of another."""

    async def acycle_key(self) -> None:
        """Keep the key."""

    def create(self) -> None:
        """Be no session: the engine of files asks for a new one in place of one that it finds expired or garbled."""
        self._session_key = None

    def save(self, must_create: bool = False) -> None:
        """
        Save the session.

        Raises:
            CreateError: It exists already.
            UpdateError: It is gone.
            DatabaseError: The database is out of order; Django would say that the session is gone.
        """
        try:
            super().save(must_create=must_create)
        except UpdateError as exc:
            _raise_true_cause(exc)
            raise

    async def asave(self, must_create: bool = False) -> None:
        """Save the session, from a coroutine."""
        try:
            await super().asave(must_create=must_create)
        except UpdateError as exc:
            _raise_true_cause(exc)
            raise


class ChannelSession(_KeyKeeper):
    """
    The session of a connection.

    Attributes:
        is_new: Whether the engine has no such session, as far as is known.
    """

    is_new = False

    def begin(self) -> None:
        """Start empty without asking the engine: this is the connection's first message."""
        self.is_new = True
        self._session_cache: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        key = self.session_key
        return self._loaded(key, super().load())

    async def aload(self) -> dict[str, Any]:
        key = self.session_key
        return self._loaded(key, await super().aload())

    def save(self, must_create: bool = False) -> None:
        try:
            super().save(must_create=must_create or self.is_new)
        except CreateError:
            self._merge(self.load())
            super().save()
        self.is_new = False

    async def asave(self, must_create: bool = False) -> None:
        try:
            await super().asave(must_create=must_create or self.is_new)
        except CreateError:
            self._merge(await self.aload())
            await super().asave()
        self.is_new = False

    def flush(self) -> None:
        """Delete the session; what is put into it from now on is saved as a new one of this connection."""
        self.delete(self.session_key)
        self._empty()

    async def aflush(self) -> None:
        """Delete the session, from a coroutine."""
        await self.adelete(self.session_key)
        self._empty()

    def _loaded(self, key: str | None, values: dict[str, Any]) -> dict[str, Any]:
        if self.session_key != key:
            self._session_key = key
            self.is_new = True
        return values

    def _merge(self, theirs: dict[str, Any]) -> None:
        # Another consumer of this connection created it meanwhile: keep its keys, but ours win.
        self._session_cache = {**theirs, **self._session_cache}

    def _empty(self) -> None:
        self.clear()
        self.is_new = True
        self.modified = False


class BrowserSession(_KeyKeeper):
    """
    The session of a browser, which came with a cookie; it is never created here.

    Attributes:
        memory: The channel session that holds the key, if this message brought no cookie. The key is looked up there
            when the session is first used, or :attr:`session_key` asked for.
    """

    memory: SessionBase | None = None

    @property
    def session_key(self) -> str | None:
        """
        The key; None if the browser has none.

        Raises:
            SynchronousOnlyOperation: It is not known yet, in a coroutine: await something of the session before.
        """
        self._recall()
        return self._session_key

    def _get_session(self, no_load: bool = False) -> dict[str, Any]:
        self._recall()
        return cast(dict[str, Any], super()._get_session(no_load))  # type: ignore[misc]  # the stubs leave it out

    async def _aget_session(self, no_load: bool = False) -> dict[str, Any]:
        await self._arecall()
        return cast(dict[str, Any], await super()._aget_session(no_load))  # type: ignore[misc]  # the stubs leave it out

    _session = property(_get_session)

    async def aload(self) -> dict[str, Any]:
        await self._arecall()
        return await super().aload()

    async def adelete(self, session_key: str | None = None) -> None:
        await self._arecall()
        await super().adelete(session_key)

    def save(self, must_create: bool = False) -> None:
        if self.session_key is not None:
            super().save(must_create=must_create)

    async def asave(self, must_create: bool = False) -> None:
        await self._arecall()
        if self.session_key is not None:
            await super().asave(must_create=must_create)

    def _recall(self) -> None:
        if self.memory is not None:
            self._session_key = self.memory.get(settings.SESSION_COOKIE_NAME)
            self.memory = None

    async def _arecall(self) -> None:
        if self.memory is not None:
            self._session_key = await self.memory.aget(settings.SESSION_COOKIE_NAME)
            self.memory = None


class Row(_KeyKeeper):
    """A row of the engine's table that is no session."""

    def insert(self, values: dict[str, Any]) -> bool:
        """Write the row. False if there is one already; of several that try at once one succeeds."""
        self._session_cache = values
        try:
            super().save(must_create=True)
        except CreateError:
            return False
        return True

    def read(self) -> dict[str, Any]:
        """Return what the row holds; nothing if there is none."""
        key = self.session_key
        values: dict[str, Any] = super().load()
        self._session_key = key
        return values

    def remove(self) -> None:
        """Delete the row, if there is one."""
        self.delete(self.session_key)


Kind = TypeVar("Kind", bound=_KeyKeeper)


def channel_store(kind: type[Kind], key: str) -> Kind:
    """
    Return what ``CHANNEL_SESSION_ENGINE``, or ``SESSION_ENGINE``, keeps under *key*; nothing is read yet.

    Raises:
        ImproperlyConfigured: The engine keeps sessions in cookies.
    """
    engine = str(getattr(settings, "CHANNEL_SESSION_ENGINE", None) or settings.SESSION_ENGINE)
    if engine == SIGNED_COOKIES:
        raise ImproperlyConfigured(
            "channel sessions cannot be kept in cookies, since a WebSocket sends none while it is open; "
            'set CHANNEL_SESSION_ENGINE, for example to "django.contrib.sessions.backends.db"'
        )
    if kind is Row and engine == CACHED_DB:
        engine = DB  # a copy in a cache may be older than the row
    return _open(kind, engine, key)


def http_store(key: str | None) -> BrowserSession:
    """Return what ``SESSION_ENGINE`` keeps under the *key* of a cookie; nothing is read yet."""
    return _open(BrowserSession, settings.SESSION_ENGINE, key)


def connection_key(reply_channel: str) -> str:
    """Return the key for the connection behind *reply_channel*: 32 characters, which tell nothing of its name."""
    digest = hashlib.sha256(reply_channel.encode()).hexdigest()
    return KEY_PREFIX + digest[: KEY_LENGTH - len(KEY_PREFIX)]


def _open(kind: type[Kind], engine: str, key: str | None) -> Kind:
    return cast(Kind, _store_class(kind, engine)(key))


@functools.cache
def _store_class(kind: type[_KeyKeeper], engine: str) -> type[_KeyKeeper]:
    store = import_module(engine).SessionStore
    # The name goes into the signature of what is stored: with another one nobody else could read it.
    merged = type(store.__name__, (kind, store), {"__qualname__": store.__qualname__})
    return cast(type[_KeyKeeper], merged)


def _raise_true_cause(exc: UpdateError) -> None:
    cause = exc.__context__
    # A row that is not there is a plain DatabaseError; all that is wrong with the database has a class of its own.
    if isinstance(cause, DatabaseError) and type(cause) is not DatabaseError:
        raise cause from None
