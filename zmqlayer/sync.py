"""
The blocking face of a node: the contract of the 2016 ASGI draft, for threads. No event loop is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from zmqlayer import asking
from zmqlayer.base import BaseLayer
from zmqlayer.bodies import body_expiry
from zmqlayer.codec import encode
from zmqlayer.events import Completed, Interest
from zmqlayer.exceptions import NotReady
from zmqlayer.mesh import Mesh
from zmqlayer.messages import Message
from zmqlayer.names import check_channel, check_group, short
from zmqlayer.queues import Letter
from zmqlayer.receiving import receive
from zmqlayer.switchboard import Receiver
from zmqlayer.tallies import family_of
from zmqlayer.waiters import ThreadWaiter

if TYPE_CHECKING:
    from zmqlayer.deferreds import Received
    from zmqlayer.twisted import Reactor

__all__ = ["SyncLayer"]

logger = logging.getLogger("zmqlayer")

BLOCK_S: Final = 5.0


class SyncLayer(BaseLayer):
    """
    A channel layer for threads. Any number of them may use it at once.

    ``send`` never blocks. The group methods of a process that has just started wait until it has joined the
    mesh, at most 1.5 seconds, once.
    """

    @property
    def extensions(self) -> list[str]:
        """What the layer offers beyond ``send`` and ``receive``, by the names of the specification."""
        return ["groups", "flush", "statistics", "async", *(["twisted"] if _has_twisted() else [])]

    def send(self, channel: str, message: Message) -> None:
        """
        Send one message and return at once.

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

    def entrust(self, channel: str, message: Message, token: Hashable) -> None:
        """
        Send one message to a named channel; if it is lost the node's listener hears :class:`Lost` with *token*.

        It is watched until *token* is given to ``notices.forget`` of the mesh.

        Raises:
            ChannelFull, MessageTooLarge, InvalidName, InvalidMessage: As in :meth:`send`.
        """
        node, name = self.node, check_channel(channel)
        body = encode(name, message, node.config.max_message_size)
        node.ask(lambda mesh, now: mesh.entrust(name, body, token, now))

    def receive(
        self, channels: Iterable[str], block: bool = False, timeout: float = BLOCK_S
    ) -> tuple[str, Message] | tuple[None, None]:
        """
        Return the next message of any of *channels* as (channel, message), or (None, None).

        Args:
            channels: Names. A name that ends in ``!`` stands for all process channels that begin with it.
            block: Wait for a message, at most *timeout* seconds; less only if :meth:`interrupt` is called meanwhile, or
                if what came is no message, which a peer of another make may send.
            timeout: Seconds; none below 0, as what is left until a deadline that has passed.

        Raises:
            InvalidName: The caller's mistake.
            LayerClosed: The layer was closed, perhaps while this waited.
            LimitReached: This process reads too many named channels at once.
        """
        interest = self._interest(channels)
        if not interest.keys:
            return None, None
        letter = self._wait(interest, timeout) if block else self.node.take(interest)
        if letter is None or (message := self.open_letter(letter)) is None:
            return None, None
        return letter.channel or str(interest.keys[0]), message  # members of a group share one, which names no channel

    def receive_many(
        self, channels: Iterable[str], block: bool = False, timeout: float = BLOCK_S
    ) -> tuple[str, Message] | tuple[None, None]:
        """Return the next message: the old name of :meth:`receive`, which Channels 1.x calls."""
        return self.receive(channels, block, timeout)

    async def receive_async(self, channels: Iterable[str]) -> tuple[str, Message] | tuple[None, None]:
        """
        Return the next message of any of *channels* as (channel, message), waiting as long as it takes.

        For coroutines; it may be cancelled at any moment without losing a message.

        Raises:
            InvalidName: The caller's mistake.
            LayerClosed: The layer was closed, perhaps while this waited.
            LimitReached: This process reads too many named channels at once.
        """
        interest = self._interest(channels)
        return await receive(self, interest) if interest.keys else (None, None)

    def receive_twisted(self, channels: Iterable[str]) -> Received:
        """
        Return a Deferred of the next message of any of *channels*, as (channel, message). Needs Twisted.

        It fires on the reactor's thread, fails with ``LayerClosed`` if the layer is closed first, or with
        ``LimitReached`` if this process reads too many named channels, and may be cancelled at any moment without
        losing a message. It costs no thread and no connection.

        Raises:
            InvalidName: The caller's mistake.
        """
        from twisted.internet import reactor  # installs itself when it is imported

        from zmqlayer.deferreds import receive as receive_deferred  # an optional extra

        return receive_deferred(self, self._interest(channels), cast("Reactor", reactor))

    def interrupt(self) -> None:
        """
        Wake every receiver of this node that blocks; those that find nothing return (None, None).

        From any thread, but not from a signal handler: it takes a lock, as all methods of a layer do, which the very
        thread that the signal interrupts may hold. Let the handler put something into a ``queue.SimpleQueue``, and a
        thread that waits for it there call this.
        """
        self.node.wake_receivers()

    def new_channel(self, pattern: str) -> str:
        """
        Return an unused channel name.

        Args:
            pattern: Ends in ``!`` (only this process can read it) or in ``?`` (one reader, anywhere).

        Raises:
            InvalidName: Any other pattern.
        """
        return self._name_channel(pattern)

    def has_reader(self, channel: str) -> bool:
        """
        Whether anybody reads a named channel, as far as is known here.

        Another process is a reader while it waits for messages of it and, unless it is gone, for about a minute
        after: all its receivers may be busy.

        Raises:
            InvalidName: The caller's mistake.
        """
        return self.node.has_reader(check_channel(channel))

    def is_open(self, channel: str) -> bool:
        """
        Whether a message to *channel* may be read, as far as is known here.

        False if the process that owns it is gone, or said that it closed the channel: it does so within 50 ms if a
        message of this process was unread then, and at the next message otherwise. A channel that nobody owns is open.

        Raises:
            InvalidName: The caller's mistake.
        """
        name = check_channel(channel)
        return self.node.ask(lambda mesh, now: mesh.notices.is_open(name))

    def group_add(self, group: str, channel: str) -> None:
        """
        Add *channel* to *group*, wherever it lives, or renew its membership.

        Returns when every peer has confirmed that it sends the group's messages here (at most about a second),
        so that a ``send_group`` that starts anywhere afterwards reaches the channel.

        Raises:
            NotConfirmed: The channel is another process's, and that process stands still.
            NotAnswered: This one does.
            LimitReached: This process, or the channel's own, has too many groups or members.
        """
        names = check_group(group), check_channel(channel)
        self._join()
        self._request(lambda mesh, now: mesh.group_add(*names, now))

    def group_discard(self, group: str, channel: str) -> None:
        """Remove *channel* from *group*; silent if it is no member."""
        names = check_group(group), check_channel(channel)
        self._join()
        self._request(lambda mesh, now: mesh.group_discard(*names, now))

    async def group_add_async(self, group: str, channel: str) -> None:
        """Add *channel* to *group* as :meth:`group_add` does, for coroutines."""
        await asking.group_add(self.node, group, channel)

    async def group_discard_async(self, group: str, channel: str) -> None:
        """Remove *channel* from *group* as :meth:`group_discard` does, for coroutines."""
        await asking.group_discard(self.node, group, channel)

    async def send_group_async(self, group: str, message: Message) -> None:
        """Send one message to every member of *group* as :meth:`send_group` does, for coroutines."""
        await asking.join(self.node)
        self._put_group(group, message)

    def group_channels(self, group: str) -> list[str]:
        """
        Return the members of *group*: every process that is linked names its own.

        Those that do not answer within a second are named in the log, and their members are missing.

        Raises:
            LimitReached: Too many questions to other processes are open.
        """
        name = check_group(group)
        self._join()
        members: list[str] = []

        def ask(mesh: Mesh, now: float) -> int | None:
            own, token = mesh.group_channels(name, now)
            members.extend(own)
            return token

        result = self._request(ask)
        if result.missing:
            silent = ", ".join(sorted(map(short, result.missing)))
            logger.warning("the list of members of %r lacks those of %s: no answer in time", name, silent)
        others = (answer for answer in result.answers.values() if isinstance(answer, list))
        return list(dict.fromkeys([*members, *(c for answer in others for c in answer if isinstance(c, str))]))

    def send_group(self, group: str, message: Message) -> None:
        """
        Send one message to every member of *group*. Members that are full miss it; that is counted, not raised.

        Raises:
            MessageTooLarge, InvalidName, InvalidMessage: As in :meth:`send`.
        """
        self._join()
        self._put_group(group, message)

    def global_statistics(self) -> dict[str, float]:
        """
        Return what this node sent, and what waits here; for the whole mesh, add up all nodes.

        Returns:
            ``messages_count`` taken by ``send`` since the start and ``messages_count_per_second`` in the last full
            second; ``messages_pending`` that nobody here took yet, and ``messages_max_age``, the seconds that the
            oldest of them has waited; ``channel_full_count`` and ``channel_full_count_per_second``.
        """

        def ask(mesh: Mesh, now: float) -> dict[str, float]:
            return _describe(mesh.tallies.sums(now), _ages(mesh, self.expiry, now))

        return self.node.ask(ask)

    def channel_statistics(self, channel: str) -> dict[str, float]:
        """
        Return the same as :meth:`global_statistics` for one channel.

        All process channels that share a prefix are one here, and so are all that one pattern made with ``?``. Of
        more than a thousand channels those that nobody used lately are forgotten.

        Raises:
            InvalidName: The caller's mistake.
        """
        family = family_of(check_channel(channel))

        def ask(mesh: Mesh, now: float) -> dict[str, float]:
            tally = mesh.tallies.look_at(family)
            return _describe((tally.sent, tally.refused, *tally.rates(now)), _ages(mesh, self.expiry, now, family))

        return self.node.ask(ask)

    def flush(self) -> None:
        """Drop every message and membership in the whole cluster, and return when all peers have done so."""
        self._join()
        self._request(lambda mesh, now: mesh.flush(now))

    def ready(self, peers: int = 1, timeout: float = 5.0) -> int:
        """
        Wait until *peers* peers are ready, at most *timeout* seconds, and return how many are.

        Raises:
            NotReady: Fewer were.
            LayerClosed: The layer was closed, perhaps while this waited.
        """
        enough = asking.Enough(peers)
        self._wait_until(enough, timeout)
        if enough.found < peers:
            raise NotReady(peers, enough.found, timeout, self.node.config.cluster)
        return enough.found

    def wait_until_read(self, prefix: str, timeout: float) -> bool:
        """
        Wait until others have taken all that this process sent to channels whose names begin with *prefix*.

        Args:
            timeout: Seconds at most.

        Returns:
            Whether they have, or are gone.

        Raises:
            LayerClosed: The layer was closed, perhaps while this waited.
        """
        return self._wait_until(lambda mesh: mesh.is_read(prefix), timeout)

    def close(self) -> None:
        """
        Leave the mesh: return what was not started, hand over what is queued, say goodbye. Takes at most 3 s.

        Not from a signal handler: see :meth:`interrupt`.
        """
        self.node.close()

    def _wait(self, interest: Interest, timeout_s: float) -> Letter | None:
        node = self._slot.filled or self._slot.node
        if len(interest.keys) == 1:  # mostly there is something, or has just arrived: nobody need sleep
            key = interest.keys[0]
            take: Callable[[Any], Letter | None] = node.take_mail if isinstance(key, str) else node.take_work
            letter = take(key)
            if letter is None and node.look():
                letter = take(key)
            if letter is not None:
                return letter
        node.start()
        deadline, interrupts = monotonic() + timeout_s, node.interrupts
        while True:
            receiver = Receiver(interest, waiter := ThreadWaiter())
            try:
                letter = node.take_or_wait(receiver)
                if letter is not None:
                    return letter
                node.pump.flush()  # a coroutine may block its own loop with this
                is_woken = waiter.wait(deadline - monotonic())
                if not is_woken:
                    node.give_up(receiver)
                letter = node.ask(lambda mesh, now: mesh.take(interest, now))
            except BaseException:  # a signal handler may raise at any moment, and the wake is another's then
                node.give_up(receiver)
                raise
            if letter is not None or not is_woken or node.interrupts != interrupts:
                return letter  # else somebody else took what it was woken for

    def _join(self) -> None:
        self._wait_until(_is_joined, 2 * self.node.config.timing.join_timeout_s)

    def _wait_until(self, condition: Callable[[Mesh], bool], timeout_s: float) -> bool:
        """
        Return whether *condition* holds for the mesh, after waiting for that at most *timeout_s* seconds.

        Raises:
            LayerClosed: The layer was closed, perhaps while this waited.
        """
        node = self.node
        if node.ask(lambda mesh, now: condition(mesh)):
            return True
        waiter = ThreadWaiter()
        try:
            is_met = node.when(condition, waiter) or waiter.wait(timeout_s)
        finally:
            node.stop_waiting(waiter)
        node.check_open()
        return is_met

    def _request(self, begin: Callable[[Mesh, float], int | None]) -> Completed:
        waiter = ThreadWaiter()
        token = self.node.request(begin, waiter)
        if token is None:
            return Completed(0)
        try:
            waiter.wait(asking.patience_s(self.node))
        except BaseException:
            self.node.result(token)
            raise
        return asking.outcome(self.node, token)


def _ages(mesh: Mesh, expiry: float, now: float, family: str | None = None) -> list[float]:
    """Return for how many seconds each message has waited, as far as its time to live tells."""
    letters = (letter for letter in mesh.letters() if family is None or family_of(letter.channel) == family)
    return [
        max(0.0, body_expiry(letter.channel, expiry) - letter.deadline + now)
        for letter in letters
        if letter.deadline > now
    ]


def _describe(counts: tuple[int, int, int, int], ages: list[float]) -> dict[str, float]:
    sent, refused, sent_per_second, refused_per_second = counts
    return {
        "messages_count": sent,
        "messages_count_per_second": sent_per_second,
        "messages_pending": len(ages),
        "messages_max_age": max(ages, default=0.0),
        "channel_full_count": refused,
        "channel_full_count_per_second": refused_per_second,
    }


@cache
def _has_twisted() -> bool:
    return find_spec("twisted") is not None


def _is_joined(mesh: Mesh) -> bool:
    return mesh.is_joined
