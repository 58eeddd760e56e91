"""
From where a WebSocket may be opened: the page's origin against a list of hosts.

Browsers let any page open a WebSocket to any site, and send the site's cookies with it. All that tells the site's own
pages from others is the ``Origin`` header. A consumer that minds cookies must mind it::

    @allowed_hosts_only
    @channel_session_user_from_http
    def connect(message): ...

or, with a list of its own::

    class OurPagesOnly(BaseOriginValidator):
        allowed_origins = [".example.com"]
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import update_wrapper
from types import MethodType
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http.request import validate_host

from zmqlayer.messages import WEBSOCKET_DISCONNECT, WEBSOCKET_RECEIVE
from zmqlayer.worker.decoration import Surrounding, message_among, surround
from zmqlayer.worker.exceptions import DenyConnection
from zmqlayer.worker.message import Message

__all__ = ["AllowedHostsOnlyOriginValidator", "BaseOriginValidator", "allowed_hosts_only"]

logger = logging.getLogger("django.security.DisallowedOrigin")

HOSTS_OF_DEBUG: Final = (".localhost", "127.0.0.1", "[::1]")


class BaseOriginValidator:
    """
    A decorator that refuses WebSockets, with 403, whose origin is not welcome. Any message may be given to it.

    What comes on ``websocket.receive`` and ``websocket.disconnect`` passes, since that connection was accepted;
    everything else needs exactly one ``Origin`` header, with a scheme and a host. Subclasses have ``allowed_origins``,
    or say themselves what is valid.

    Args:
        consumer: A function, a coroutine function, or a consumer class, of which a subclass is made.
        allowed_origins: In place of the class's own.
    """

    allowed_origins: ClassVar[Sequence[str] | None] = None
    """Host names as in ``ALLOWED_HOSTS``: a leading dot means all below, too, and ``"*"`` any."""

    def __new__(cls, consumer: Any, allowed_origins: Sequence[str] | None = None) -> Any:
        if isinstance(consumer, type) and hasattr(consumer, "dispatch"):
            validator = cls(consumer.dispatch, allowed_origins)
            return surround(consumer, validator._surrounding)
        return super().__new__(cls)

    def __init__(self, consumer: Callable[..., Any], allowed_origins: Sequence[str] | None = None) -> None:
        update_wrapper(self, consumer)
        self.consumer = consumer
        self._hosts = self.allowed_origins if allowed_origins is None else allowed_origins
        if iscoroutinefunction(consumer):
            markcoroutinefunction(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """
        Call the consumer.

        Raises:
            DenyConnection: The origin is not welcome.
        """
        self.check(message_among(args))
        return self.consumer(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def check(self, message: Message) -> None:
        """
        Look at the origin of *message*.

        Raises:
            DenyConnection: It is not welcome.
        """
        if message.channel.name in (WEBSOCKET_RECEIVE, WEBSOCKET_DISCONNECT):
            return
        origin = self.get_origin(message)
        if not self.validate_origin(message, origin):
            logger.warning("refused a WebSocket at %.200r: %.200r is not welcome", message.get("path"), origin)
            raise DenyConnection

    def get_origin(self, message: Message) -> str:
        """
        Return the ``Origin`` header of *message*.

        Raises:
            DenyConnection: There is none, there are several, it is not ASCII, or the headers are no pairs.
        """
        try:
            found = [value for name, value in message.get("headers") or [] if bytes(name).lower() == b"origin"]
        except (TypeError, ValueError):
            found = []
        if len(found) != 1 or not bytes(found[0]).isascii():
            logger.warning("refused a WebSocket at %.200r: its Origin headers are %.200r", message.get("path"), found)
            raise DenyConnection
        return bytes(found[0]).decode("ascii")

    def validate_origin(self, message: Message, origin: str) -> bool:
        """
        Whether *origin* is welcome: its host is one of the allowed ones.

        Raises:
            NotImplementedError: A subclass has neither ``allowed_origins`` nor a method of its own.
        """
        if self._hosts is None:
            raise NotImplementedError(
                f"{type(self).__name__} does not say which origins it allows: "
                f"give it allowed_origins, or a validate_origin() of its own"
            )
        host = _host_of(origin)
        return host is not None and validate_host(host, self._hosts)

    def _surrounding(self, message: Message) -> Surrounding:
        return _Checked(message, self)


class AllowedHostsOnlyOriginValidator(BaseOriginValidator):
    """Lets pages in that come from one of ``ALLOWED_HOSTS``; with ``DEBUG`` and an empty list, from this machine."""

    def validate_origin(self, message: Message, origin: str) -> bool:
        hosts = settings.ALLOWED_HOSTS
        if settings.DEBUG and not hosts:
            hosts = HOSTS_OF_DEBUG
        host = _host_of(origin)
        return host is not None and validate_host(host, hosts)


class _Checked(Surrounding):
    """The check around a class's ``dispatch``."""

    def __init__(self, message: Message, validator: BaseOriginValidator) -> None:
        super().__init__(message)
        self._validator = validator

    def begin(self) -> None:
        self._validator.check(self.message)


def _host_of(origin: str) -> str | None:
    """Return the host of *origin* as ``ALLOWED_HOSTS`` has it; None if it is no origin, like ``null``."""
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    is_whole = origin.lower() == f"{parts.scheme}://{parts.netloc}".lower() and "@" not in parts.netloc
    if not (parts.scheme and host and is_whole):
        return None
    return f"[{host}]" if ":" in host else host.removesuffix(".")


# In lower case it reads like the other decorators.
allowed_hosts_only: Final = AllowedHostsOnlyOriginValidator
