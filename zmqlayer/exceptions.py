"""
Everything that zmqlayer raises.

::

    ZmqLayerError
    ├── ConfigError (ValueError)          a setting is wrong; raised before anything starts
    ├── InvalidName (TypeError)           a channel or group name outside the grammar
    ├── InvalidMessage (TypeError)        not a dict, or a value that no message can carry
    ├── MessageTooLarge                   encodes to more than ``max_message_size`` bytes
    ├── ChannelFull                       the channel, or the peer behind it, has no room
    ├── NotReady (TimeoutError)           the peers waited for did not become ready in time
    ├── LimitReached                      a table of this node, or of the one that was asked, is full
    ├── NotConfirmed (TimeoutError)       the owner of a channel did not say in time that it is a member
    ├── NotAnswered (TimeoutError)        what takes several processes was not over in time
    ├── LayerClosed                       the layer was closed; it cannot be used again
    ├── TransportError (OSError)          this machine refused a socket, an address or a port
    └── ProtocolError                     a peer's fault; never leaves the node

Attributes hold the facts, ``__str__`` the sentence.

Where Django Channels is used, ``ChannelFull``, ``MessageTooLarge`` and ``ConfigError`` are also instances of its
``ChannelFull``, ``MessageTooLarge`` and ``InvalidChannelLayerError``. That is decided for each error when it is
made: code that names a class of Channels has imported ``channels.exceptions`` by then. Nothing here imports it.
"""

from __future__ import annotations

import copyreg
import sys
from typing import Any, ClassVar, Final, Self, TypeVar

__all__ = [
    "ChannelFull",
    "ConfigError",
    "InvalidMessage",
    "InvalidName",
    "LayerClosed",
    "LimitReached",
    "MessageTooLarge",
    "NotAnswered",
    "NotConfirmed",
    "NotReady",
    "ProtocolError",
    "TransportError",
    "ZmqLayerError",
]


ErrorKind = TypeVar("ErrorKind", bound="ZmqLayerError")


class ZmqLayerError(Exception):
    """Base of every error in this package."""

    _in_channels: ClassVar[str] = ""
    _plain: ClassVar[type[ZmqLayerError] | None] = None

    def __new__(cls, *args: Any) -> Self:
        return super().__new__(_related(cls), *args)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._plain or type(self), self.args


class ConfigError(ZmqLayerError, ValueError):
    """A setting has a value that cannot work."""

    _in_channels = "InvalidChannelLayerError"

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(setting, problem)
        self.setting = setting
        self.problem = problem

    def __str__(self) -> str:
        return f"setting {self.setting!r}: {self.problem}"


class InvalidName(ZmqLayerError, TypeError):
    """A channel or group name is outside the grammar of the 2016 ASGI draft."""

    def __init__(self, name: object, problem: str) -> None:
        super().__init__(name, problem)
        self.name = name
        self.problem = problem

    def __str__(self) -> str:
        return f"{_shorten(self.name)} {self.problem}"


class InvalidMessage(ZmqLayerError, TypeError):
    """A message is not a dict, or holds a value that cannot cross the mesh."""

    def __init__(self, value: object, problem: str) -> None:
        super().__init__(value, problem)
        self.value = value
        self.problem = problem

    def __str__(self) -> str:
        return f"{_shorten(self.value)} {self.problem}"


class MessageTooLarge(ZmqLayerError):
    """A message encodes to more bytes than ``max_message_size`` allows."""

    _in_channels = "MessageTooLarge"

    def __init__(self, channel: str, size: int, limit: int) -> None:
        super().__init__(channel, size, limit)
        self.channel = channel
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the message for {self.channel!r} is {self.size:,} bytes as msgpack and max_message_size is "
            f"{self.limit:,}; send it in pieces, or raise max_message_size on every node"
        )


class ChannelFull(ZmqLayerError):
    """
    A channel has no room; nothing was queued. Try again later, or drop the message.

    Attributes:
        channel: Name of the channel.
        limit: What was reached: messages, or bytes outstanding to one peer.
        reason: ``"channel"``, ``"peer messages"``, ``"peer bytes"``, ``"node messages"``, ``"node bytes"``,
            ``"entrusted"`` or, in a worker, ``"outbox"``.
    """

    _in_channels = "ChannelFull"

    def __init__(self, channel: str, limit: int, reason: str = "channel") -> None:
        super().__init__(channel, limit, reason)
        self.channel = channel
        self.limit = limit
        self.reason = reason

    def __str__(self) -> str:
        if self.reason == "channel":
            return (
                f"channel {self.channel!r} is full: {self.limit:,} messages from this process are unread; "
                f"read faster, or raise capacity or channel_capacity"
            )
        if self.reason.startswith("node "):
            return (
                f"channel {self.channel!r} is full: {self.limit:,} {self.reason.removeprefix('node ')} wait in the "
                f"named channels of this process, which is the limit for all together; run more readers"
            )
        if self.reason == "entrusted":
            return (
                f"channel {self.channel!r} is full: {self.limit:,} messages whose loss this process wants to hear of "
                f"are not answered yet, which is the limit for all together; run more readers"
            )
        return (
            f"channel {self.channel!r} is full: its process has {self.limit:,} {self.reason.removeprefix('peer ')} "
            f"of ours unread, which is the limit for one peer"
        )


class NotReady(ZmqLayerError, TimeoutError):
    """Fewer peers than asked for became ready within the time given."""

    def __init__(self, wanted: int, found: int, timeout_s: float, cluster: str) -> None:
        super().__init__()  # OSError, a base of TimeoutError, would take arguments for errno and strerror
        self.args = (wanted, found, timeout_s, cluster)
        self.wanted = wanted
        self.found = found
        self.timeout_s = timeout_s
        self.cluster = cluster

    def __str__(self) -> str:
        return (
            f"{self.found} of {self.wanted} peers of cluster {self.cluster!r} became ready within "
            f"{self.timeout_s:g} s; check that they run, and use the same cluster, secret and discovery"
        )


class LimitReached(ZmqLayerError):
    """
    A table of this node, or of the one that was asked, is full; nothing was added. Its size is a field of ``Limits``.

    Attributes:
        limit: Name of the field.
        size: How much fits; 0 where another node's table is full.
    """

    def __init__(self, limit: str, size: int = 0) -> None:
        super().__init__(limit, size)
        self.limit = limit
        self.size = size

    def __str__(self) -> str:
        if self.size:
            return f"this node has {self.size:,} {self.limit.replace('_', ' ')}, and its limits allow no more"
        return f"the node that was asked has as many {self.limit.replace('_', ' ')} as its limits allow"


class NotConfirmed(ZmqLayerError, TimeoutError):
    """
    The owner of a channel did not confirm in time what was asked of it. It may have done so; asking again is safe.

    Attributes:
        channel: The channel that was to join or to leave.
        group: The group.
    """

    def __init__(self, channel: str, group: str) -> None:
        super().__init__()  # OSError, a base of TimeoutError, would take arguments for errno and strerror
        self.args = (channel, group)
        self.channel = channel
        self.group = group

    def __str__(self) -> str:
        return (
            f"the process that owns {self.channel!r} did not confirm in time that its membership in group "
            f"{self.group!r} has changed; it may have changed, and asking again is safe"
        )


class NotAnswered(ZmqLayerError, TimeoutError):
    """
    What takes several processes was not over in time, because the node of this one stood still. Asking again is safe.

    Attributes:
        seconds: How long it was waited for.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()  # as in NotConfirmed
        self.args = (seconds,)
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"this process's node was not done within {self.seconds:g} s with what it was asked: it stood still; "
            "it may be done by now, and asking again is safe"
        )


class LayerClosed(ZmqLayerError):
    """The layer was closed; build a new one."""

    def __str__(self) -> str:
        return "this channel layer was closed and cannot be used again; build a new one"


class TransportError(ZmqLayerError, OSError):
    """This machine refused a socket, an address or a port."""


class ProtocolError(ZmqLayerError):
    """A peer sent what the protocol does not allow. The link to it is closed."""


def _shorten(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class _Joined(type):
    """The type of classes that are made below, for pickle, which would look for them by their names."""

    _plain: type[ZmqLayerError]


_joined: Final[dict[tuple[type, type], type]] = {}


def _related(error: type[ErrorKind]) -> type[ErrorKind]:
    """Return *error*, or what is also the class of Channels that stands for the same, if Channels was imported."""
    relative = getattr(sys.modules.get("channels.exceptions"), error._in_channels or "-", None)
    if not isinstance(relative, type) or not issubclass(relative, Exception) or issubclass(error, relative):
        return error
    if (error, relative) not in _joined:
        names = {"__module__": error.__module__, "__qualname__": error.__qualname__, "__doc__": error.__doc__}
        _joined[error, relative] = _Joined(error.__name__, (error, relative), {**names, "_plain": error})
    return _joined[error, relative]


def _reduce(joined: _Joined) -> tuple[Any, ...]:
    return _related, (joined._plain,)


copyreg.pickle(_Joined, _reduce)
