"""``Channel`` and ``Group``: names to send to. Used by consumers, views and scripts alike."""

from __future__ import annotations

from functools import cached_property

from zmqlayer.exceptions import InvalidMessage
from zmqlayer.messages import Message as Content
from zmqlayer.names import check_channel, check_group
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, WorkerLayer, get_channel_layer
from zmqlayer.worker.outbox import Send, current_outbox

__all__ = ["Channel", "Group"]


class _Target:
    """A name on a layer that is looked up when it is first needed."""

    def __init__(self, name: str, alias: str, channel_layer: WorkerLayer | None) -> None:
        self.name = name
        self.alias = alias
        if channel_layer is not None:
            self.channel_layer = channel_layer

    @cached_property
    def channel_layer(self) -> WorkerLayer:
        """The layer this name belongs to."""
        return get_channel_layer(self.alias)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def _send(self, send: Send, content: Content, immediately: bool) -> None:
        if not isinstance(content, dict):
            raise InvalidMessage(content, f"is not a message: a dict is needed, not {type(content).__name__}")
        outbox = current_outbox()
        if outbox is None:
            send(self.name, content)
        elif immediately:
            outbox.send_now(send, self.name, content)
        else:
            outbox.hold(send, self.name, content)


class Channel(_Target):
    """
    A channel to send to.

    Args:
        name: A channel name; ASCII bytes are accepted.
        alias: Which of ``settings.CHANNEL_LAYERS`` to use.
        channel_layer: The layer to use in place of *alias*.

    Raises:
        InvalidName: *name* is outside the grammar of channel names.
    """

    def __init__(
        self,
        name: str | bytes,
        alias: str = DEFAULT_CHANNEL_LAYER,
        channel_layer: WorkerLayer | None = None,
    ) -> None:
        super().__init__(check_channel(_text(name)), alias, channel_layer)

    def send(self, content: Content, immediately: bool = False) -> None:
        """
        Send one message.

        In a consumer it goes out when the consumer ends, and full channels are then retried for a
        while; elsewhere, or with *immediately*, it goes out now.

        Raises:
            InvalidMessage: *content* is not a dict.
            ChannelFull, MessageTooLarge: Only where it goes out now.
        """
        self._send(self.channel_layer.send, content, immediately)


class Group(_Target):
    """
    A group of channels.

    Args:
        name: A group name; ASCII bytes are accepted.
        alias: Which of ``settings.CHANNEL_LAYERS`` to use.
        channel_layer: The layer to use in place of *alias*.

    Raises:
        InvalidName: *name* is outside the grammar of group names.
    """

    def __init__(
        self,
        name: str | bytes,
        alias: str = DEFAULT_CHANNEL_LAYER,
        channel_layer: WorkerLayer | None = None,
    ) -> None:
        super().__init__(check_group(_text(name)), alias, channel_layer)

    def add(self, channel: Channel | str) -> None:
        """Make *channel* a member, at once: messages sent to the group from now on reach it."""
        self.channel_layer.group_add(self.name, str(channel))

    def discard(self, channel: Channel | str) -> None:
        """Remove *channel*, at once, if it is a member."""
        self.channel_layer.group_discard(self.name, str(channel))

    def send(self, content: Content, immediately: bool = False) -> None:
        """
        Send one message to every member; when it goes out is as for :meth:`Channel.send`.

        A member that is full misses it; that is never an error.
        """
        self._send(self.channel_layer.send_group, content, immediately)


def _text(name: str | bytes) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else name
