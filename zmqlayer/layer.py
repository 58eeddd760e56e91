"""
The asynchronous face of a node: the contract of Channels 4, for coroutines.

It has no connection and no state of its own, so any number of event loops, threads and ``async_to_sync``
calls may use one layer at once.
"""

from __future__ import annotations

import asyncio

from zmqlayer import asking
from zmqlayer.backend import Backend
from zmqlayer.base import sort_out
from zmqlayer.codec import encode
from zmqlayer.driving import let_drive
from zmqlayer.exceptions import NotReady
from zmqlayer.messages import Message
from zmqlayer.names import check_channel
from zmqlayer.receiving import stand, take_or_wait
from zmqlayer.sync import SyncLayer

__all__ = ["AsyncLayer"]


class AsyncLayer(Backend):
    """
    A channel layer for coroutines.

    ``send`` never waits. The group methods of a process that has just started wait until it has joined the
    mesh, at most 1.5 seconds, once.
    """

    @property
    def sync(self) -> SyncLayer:
        """The blocking face of the same node."""
        return SyncLayer(self._slot)

    async def send(self, channel: str, message: Message) -> None:
        """
        Send one message.

        Args:
            channel: Any channel name; a process channel may belong to any process.
            message: A dict with str keys. It is copied: changing it afterwards changes nothing.

        Raises:
            ChannelFull: The channel, or the peer behind it, has no room; nothing was queued.
            MessageTooLarge: More than ``max_message_size`` bytes as msgpack.
            InvalidName, InvalidMessage: The caller's mistake.
        """
        node, name = self._slot.filled or self._slot.node, check_channel(channel)
        node.send(name, encode(name, message, node.config.max_message_size))
        if node.pump.driver is None:  # what comes back, credit and reports, needs no thread then that wakes for it
            let_drive(node, asyncio.get_running_loop())

    async def receive(self, channel: str) -> Message:
        """
        Return the next message of *channel*, waiting as long as it takes.

        May be cancelled at any moment: what was not returned is there for the next.

        Raises:
            InvalidName: Outside the grammar, or a process channel of another process.
            LayerClosed: The layer was closed, perhaps while this waited.
            LimitReached: This process reads too many named channels at once.
        """
        if not isinstance(channel, str):
            check_channel(channel)  # refuses it
        node, is_mail = self._slot.filled or self._slot.node, "!" in channel
        while True:
            if channel in node.in_hand:
                await asyncio.sleep(0)  # as in take_or_wait
            letter = node.take_mail(channel) if is_mail else node.take_work((channel,))
            if letter is None:
                interest = sort_out((channel,), node.node_id)
                if interest.own and (taker := stand(node, channel)) is not None:  # as take_or_wait does it
                    try:
                        letter = await taker.future
                    except asyncio.CancelledError:
                        node.step_aside(taker)
                        raise
                    finally:
                        node.in_hand.discard(channel)
                else:
                    letter = await take_or_wait(node, interest)
            if letter is not None and (message := self.open_letter(letter)) is not None:
                return message

    async def new_channel(self, prefix: str = "specific") -> str:
        """
        Return an unused process channel, ``<prefix>.<node>!<random>``, that only this process can read.

        A prefix that ends in ``!`` or ``?`` is a pattern as in :meth:`SyncLayer.new_channel`.
        """
        return self._name_channel(prefix if prefix.endswith(("!", "?")) else prefix + "!")

    async def group_add(self, group: str, channel: str) -> None:
        """
        Add *channel* to *group*, wherever it lives, or renew its membership.

        Returns when every peer has confirmed that it sends the group's messages here (at most about a second),
        so that a ``group_send`` that starts anywhere afterwards reaches the channel.

        Raises:
            NotConfirmed: The channel is another process's, and that process stands still.
            NotAnswered: This one does.
            LimitReached: This process, or the channel's own, has too many groups or members.
        """
        await asking.group_add(self.node, group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove *channel* from *group*; silent if it is no member."""
        await asking.group_discard(self.node, group, channel)

    async def group_send(self, group: str, message: Message) -> None:
        """
        Send one message to every member of *group*. Members that are full miss it; that is counted, not raised.

        Raises:
            MessageTooLarge, InvalidName, InvalidMessage: As in :meth:`send`.
        """
        await asking.join(self.node)
        node = self._put_group(group, message)
        if node.pump.driver is None:
            let_drive(node, asyncio.get_running_loop())

    async def flush(self) -> None:
        """Drop every message and membership in the whole cluster, and return when all peers have done so."""
        await asking.join(self.node)
        await asking.request(self.node, lambda mesh, now: mesh.flush(now))

    async def ready(self, peers: int = 1, timeout: float = 5.0) -> int:
        """
        Wait until *peers* peers are ready, at most *timeout* seconds, and return how many are.

        Raises:
            NotReady: Fewer were.
            LayerClosed: The layer was closed, perhaps while this waited.
        """
        enough = asking.Enough(peers)
        await asking.wait_until(self.node, enough, timeout)
        if enough.found < peers:
            raise NotReady(peers, enough.found, timeout, self.node.config.cluster)
        return enough.found

    async def close(self) -> None:
        """Leave the mesh: return what was not started, hand over what is queued, say goodbye. Takes at most 3 s."""
        await asyncio.get_running_loop().run_in_executor(None, self.node.close)
