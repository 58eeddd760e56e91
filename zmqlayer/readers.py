"""
Readers: the named channels of one node as a receiver. Sans-I/O; used by ``mesh.py`` only.

A node whose receivers wait for a set of channels is a *reader*; it gives credit to every sender, this node
included. So one that dies takes no more than its credit with it, and one that closes gives back what nobody started.
What a reader holds beyond what its receivers wait for goes back too if all of them are busy for long.
A sender confirms the end of a reader with ENDED, behind its last message for it, so that a node that leaves
knows when everything that was on its way has come, and gone back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from zmqlayer.accounts import PEER_GONE, Accounts
from zmqlayer.actions import Publish
from zmqlayer.codec import unpack_control
from zmqlayer.config import Config
from zmqlayer.counters import Counters, Drop
from zmqlayer.credits import Offer, Reader
from zmqlayer.dispatch import Dispatch
from zmqlayer.exceptions import LimitReached, ProtocolError
from zmqlayer.frames import Frame, Kind, Work, node_topic, pack, pack_work, parse_work
from zmqlayer.names import NodeId, owner_of
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, Peers
from zmqlayer.queues import Letter
from zmqlayer.reports import most_channels

__all__ = ["Readers"]

_NEVER: Final = float("inf")
IDLE_READER_S: Final = 10.0
IDLE_BODY_READER_S: Final = 1.0
"""Of a ``?`` channel: there is one for each body, and few are read twice."""
POLL_LASTS_S: Final = 1.0
SOON_S: Final = 0.002
"""For so long a message waits for a receiver that was woken or took another one, before one more is woken. Threads
that want the interpreter at the same time are slower together than one alone: half as many requests a second."""
BUSY_AFTER_S: Final = 0.1
"""For so long a message may wait for receivers that are all busy, where others may be free."""


class Readers:
    """
    The readers of one node, and what was handed to them.

    Args:
        dispatch: The same node's queues, from which these readers take too.
        on_readable: Called with the channels of a reader that has messages to be taken, and how many.
    """

    def __init__(
        self, config: Config, outbox: Outbox, peers: Peers, counters: Counters, accounts: Accounts,
        dispatch: Dispatch, on_readable: Callable[[tuple[str, ...], int], None],
    ) -> None:  # fmt: skip
        self._node_id = outbox.node_id
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._counters = counters
        self._accounts = accounts
        self._dispatch = dispatch
        self._on_readable = on_readable
        self._readers: dict[tuple[str, ...], Reader] = {}
        self._by_number: dict[int, Reader] = {}
        self._inboxes: dict[int, deque[Letter]] = {}
        self._ending: dict[int, set[NodeId]] = {}
        self._numbers = 0
        self._mind_at = _NEVER
        self._is_closing = False

    # What is handed over

    def work(self, frame: Frame, peer: Peer, now: float) -> None:
        """
        A message was handed to one of our readers.

        Raises:
            ProtocolError: The payload is malformed.
        """
        link, reader, number, body = parse_work(frame.body)
        self.work_batch(frame, peer, Work(link, reader, [(number, frame.ttl_ms, body)]), now)

    def work_batch(self, frame: Frame, peer: Peer, work: Work, now: float) -> None:
        """Messages were handed to one of our readers. Those for a reader that was withdrawn go back."""
        link, number, items = work
        channel, source, reader = frame.target, frame.source, self._by_number.get(number)
        letters = [Letter(channel, body, now + ttl_ms / 1000, source, False, place) for place, ttl_ms, body in items]
        if reader is None:
            for letter in letters:
                self._give_back(letter, now)
        else:
            self._arrive(reader, letters, now, spends_credit=link == peer.our_link)

    def asked_for(self, frame: Frame) -> bool:
        """
        Whether the message in a WORK frame is within the credit that its sender has from a reader here.

        Raises:
            ProtocolError: The payload is malformed.
        """
        link, number, _, _ = parse_work(frame.body)
        peer, reader = self._peers.get(frame.source), self._by_number.get(number)
        return peer is not None and reader is not None and link == peer.our_link and reader.owes(frame.source)

    def take_over(self, number: int, letter: Letter, now: float) -> None:
        """A message of this node's own is handed to reader *number*. The caller spends the credit that is renewed."""
        reader = self._by_number[number]
        self._arrive(reader, [letter], now, spends_credit=True)
        self._grant_own(reader, now)

    def ended(self, frame: Frame) -> None:
        """
        A sender heard that one of our readers left: nothing more comes for it.

        Raises:
            ProtocolError: The payload is malformed.
        """
        number = unpack_control(frame.body).get("reader")
        if type(number) is not int:
            raise ProtocolError("ENDED is malformed")
        self._settle_ending(frame.source, number)

    def ceded(self, frame: Frame, peer: Peer, now: float) -> None:
        """
        A sender gave back credit that was recalled, behind all that it had handed over: others can have it.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        number, limit = payload.get("reader"), payload.get("limit")
        if type(number) is not int or type(limit) is not int:
            raise ProtocolError("CEDED is malformed")
        reader = self._by_number.get(number)
        if reader is not None and payload.get("link") == peer.our_link:
            reader.ceded(peer.node_id, limit)
            self._grant(reader, now)

    # What receivers do

    def holds(self, channels: tuple[str, ...]) -> bool:
        """Whether a message lies here for the reader of *channels*."""
        reader = self._readers.get(channels)
        return reader is not None and reader.unread > 0

    def pop(self, channels: tuple[str, ...], now: float) -> Letter | None:
        """Remove and return the oldest living message that arrived for the reader of *channels*, as delivered."""
        reader = self._readers.get(channels)
        if reader is None:
            return None
        self._use(reader, now)
        inbox = self._inboxes[reader.number]
        while inbox:
            letter = inbox.popleft()
            reader.unread -= 1
            self._accounts.finish(letter, now)
            if letter.deadline > now:
                self._counters.delivered += 1
                reader.taken += 1
                reader.attended_until = now + SOON_S
                if not inbox or reader.taken >= reader.prefetch // 4:  # what is there already keeps receivers busy
                    reader.taken = 0
                    self._grant(reader, now)
                if inbox and (reader.waiting or self._mind_at > now + BUSY_AFTER_S):  # else it is looked at in time
                    self._mind_by(self._due_at(reader), now)
                return letter
            self._counters.expired += 1
            self._dispatch.lost(letter)
        return None

    def wait(self, channels: tuple[str, ...], now: float) -> None:
        """One more receiver waits for *channels*; raises LimitReached if there are too many readers."""
        reader = self._reader(channels, now)
        reader.waiting += 1
        reader.attended_until = now  # whoever was about to look is back
        self._use(reader, now)
        if reader.unread:  # it came after this receiver had looked
            self._on_readable(reader.channels, 1)
        self._grant(reader, now)

    def unwait(self, channels: tuple[str, ...]) -> None:
        """A waiting receiver was woken, or gave up."""
        if (reader := self._readers.get(channels)) is not None:  # else it was stopped meanwhile
            reader.waiting -= 1

    def poll(self, channels: tuple[str, ...], now: float) -> None:
        """A receiver looked and did not wait: keep credit for one message out for a second. Raises as :meth:`wait`."""
        reader = self._reader(channels, now)
        self._use(reader, now)
        reader.polled_until = now + POLL_LASTS_S
        self._grant(reader, now)

    def read_ahead(self, channels: tuple[str, ...], prefetch: int, now: float) -> None:
        """Let so many messages for the reader of *channels* lie here, whatever others may. Raises as :meth:`wait`."""
        self._reader(channels, now).prefetch = prefetch

    def stop(self, channels: tuple[str, ...], now: float) -> None:
        """
        Who read ahead for *channels* does not any more: what came and was not taken goes back at once.

        So does the reader, unless others wait: they go on, with credit for as many as they are.
        """
        reader = self._readers.get(channels)
        if reader is None:
            return
        if not reader.waiting:
            self._withdraw(reader, now)
            return
        reader.prefetch = self._config.prefetch or 0
        self._clear_desk(reader, now)
        self._grant(reader, now)

    # Links

    def peer_up(self, now: float) -> None:
        """A link came up: its node may send to our readers."""
        for reader in self._readers.values():
            self._grant(reader, now)

    def peer_down(self, node_id: NodeId) -> None:
        """A link is gone or starts anew: the credit that the peer was given is void."""
        for number in list(self._ending):
            self._settle_ending(node_id, number)
        for reader in self._readers.values():
            reader.forget(node_id)

    def withdraw(self, now: float) -> None:
        """Stop reading: take all credit back and return what nobody started."""
        self._is_closing = True
        for reader in list(self._readers.values()):
            self._withdraw(reader, now)

    # Time

    def tick(self, now: float) -> None:
        """Wake more receivers for what nobody came to take; where all are busy, give it back."""
        if now < self._mind_at:
            return
        self._mind_at = _NEVER
        for reader in self._readers.values():
            if not reader.unread:
                continue
            due_at = self._due_at(reader)
            if now < due_at:
                self._mind_at = min(self._mind_at, due_at)
            elif reader.waiting:
                reader.attended_until = now + SOON_S
                self._on_readable(reader.channels, reader.unread)
                self._mind_at = min(self._mind_at, reader.attended_until)
            else:
                reader.is_busy = True  # until one of its receivers looks again
                self._clear_desk(reader, now)

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do."""
        return self._mind_at

    def sweep(self, now: float) -> None:
        """End readers that nobody used for a while."""
        for reader in list(self._readers.values()):
            idle_s = IDLE_READER_S if reader.maker is None else IDLE_BODY_READER_S
            if not reader.waiting and now - reader.used_at >= idle_s:
                self._withdraw(reader, now)

    def clear(self, now: float) -> None:
        """Drop everything that is unread."""
        for reader in self._readers.values():
            inbox = self._inboxes[reader.number]
            for letter in inbox:
                self._drop(letter, Drop("flushed", letter.channel), now)
            reader.unread = 0
            inbox.clear()

    def letters(self) -> Iterator[Letter]:
        """Go through all that is unread here."""
        return chain(*self._inboxes.values())

    @property
    def is_ending(self) -> bool:
        """Whether a sender may still hand over work to a reader of ours that left."""
        return bool(self._ending)

    @property
    def unread(self) -> int:
        """How many messages arrived here and were not taken."""
        return sum(map(len, self._inboxes.values()))

    # Inside

    def _reader(self, channels: tuple[str, ...], now: float) -> Reader:
        """
        Return the reader of *channels*, a new one if need be.

        Raises:
            LimitReached: There are as many as peers accept, and receivers wait at each; or it has too many channels.
        """
        reader = self._readers.get(channels)
        if reader is None:
            self._make_room(len(channels), now)
            self._numbers += 1
            reader = Reader(self._numbers, channels, self._config.prefetch or 0, now, maker=_maker_of(channels))
            self._readers[channels] = self._by_number[reader.number] = reader
            self._inboxes[reader.number] = deque()
        return reader

    def _make_room(self, n_channels: int, now: float) -> None:
        """See to it that one more reader may be told to peers: they take one too many for an attack."""
        limits = self._config.limits
        most = min(limits.reader_channels, most_channels(self._config.max_message_size))  # one frame names them all
        if n_channels > most:
            raise LimitReached("reader_channels", most)
        if len(self._readers) < limits.readers:
            return
        idle = min((reader for reader in self._readers.values() if not reader.waiting), key=_last_use, default=None)
        if idle is None:
            raise LimitReached("readers", limits.readers)
        self._withdraw(idle, now)

    def _grant(self, reader: Reader, now: float) -> None:
        if self._is_closing or reader.free(now) <= 0:
            return
        for sender, limit, is_first in reader.grant(self._senders(reader), now):
            self._tell_limit(reader, sender, limit, is_first=is_first)
        if (own := self._grant_own(reader, now)) is not None:  # last: its messages are here at once, and take the room
            self._dispatch.spend(own, now)

    def _tell_limit(self, reader: Reader, sender: NodeId, limit: int, *, is_first: bool = False) -> None:
        peer = self._peers.get(sender)
        if peer is not None:
            payload: dict[str, object] = {"link": peer.our_link, "reader": reader.number, "limit": limit}
            payload["done"] = self._accounts.finished(sender)
            if is_first:
                payload["channels"] = reader.channels
            self._outbox.tell(sender, Kind.CREDIT, payload)

    def _senders(self, reader: Reader) -> Iterable[NodeId]:
        """Return who may have messages for a reader; those for a ``?`` channel are all at its maker."""
        ready = self._peers.ready()
        return ready if reader.maker is None else ready & {reader.maker}

    def _grant_own(self, reader: Reader, now: float) -> Offer | None:
        limit = reader.grant_own(self._node_id, now)
        return None if limit is None else self._dispatch.offer_own(reader.number, reader.channels, limit)

    def _arrive(self, reader: Reader, letters: list[Letter], now: float, *, spends_credit: bool) -> None:
        """Messages of one sender are there."""
        if spends_credit:
            reader.received(letters[0].source, now, len(letters))
        reader.unread += len(letters)
        self._inboxes[reader.number].extend(letters)
        if reader.waiting and now >= reader.attended_until:
            reader.attended_until = now + SOON_S
            self._on_readable(reader.channels, 1)
            self._mind_by(reader.attended_until + BUSY_AFTER_S, now)  # it may be the only one, and never come
        else:
            self._mind_by(self._due_at(reader), now)

    def _mind_by(self, due_at: float, now: float) -> None:
        """A reader holds messages that nobody comes to take just now: look at it again."""
        if due_at < self._mind_at:
            self._mind_at = max(now, due_at)
            self._outbox.call_by(self._mind_at)

    @staticmethod
    def _due_at(reader: Reader) -> float:
        """Return when somebody should see to what a reader holds."""
        if reader.waiting:
            return reader.attended_until
        return max(max(reader.used_at, reader.attended_until) + BUSY_AFTER_S, reader.polled_until)

    def _use(self, reader: Reader, now: float) -> None:
        reader.used_at = now
        reader.is_busy = False

    def _clear_desk(self, reader: Reader, now: float) -> None:
        """Take back the credit of a reader that stays, and give back what nobody took."""
        reader.forget(self._node_id)
        for sender, limit in reader.recall_all():
            self._tell_limit(reader, sender, limit)
        self._dispatch.withdraw_own(reader.number)
        self._give_all_back(reader, now)

    def _withdraw(self, reader: Reader, now: float) -> None:
        """End a reader. What it did not take goes back to its place in the queues it came from."""
        del self._readers[reader.channels]
        del self._by_number[reader.number]
        for sender in reader.lines:
            peer = self._peers.get(sender)
            if peer is not None:
                payload: dict[str, object] = {"link": peer.our_link, "reader": reader.number, "limit": None}
                self._outbox.tell(sender, Kind.CREDIT, payload)
                self._ending.setdefault(reader.number, set()).add(sender)
        self._dispatch.withdraw_own(reader.number)
        self._give_all_back(reader, now)
        for letter in self._inboxes.pop(reader.number):
            self._drop(letter, Drop(PEER_GONE, letter.channel, letter.source), now)

    def _give_all_back(self, reader: Reader, now: float) -> None:
        """
        Give back what a reader holds; it has no credit out any more, so nothing comes back to it.

        What nobody is there to take back stays.
        """
        inbox, own, kept = self._inboxes[reader.number], [], []
        for letter in inbox:
            if letter.source == self._node_id:
                own.append(letter)
            elif self._peers.get(letter.source) is None:
                kept.append(letter)
            else:
                self._give_back(letter, now)
        inbox.clear()
        inbox.extend(kept)
        reader.unread = len(kept)
        self._dispatch.restore_own(own, now)

    def _drop(self, letter: Letter, drop: Drop, now: float) -> None:
        self._counters.drop(drop, now)
        self._accounts.finish(letter, now)
        self._dispatch.lost(letter)

    def _settle_ending(self, sender: NodeId, number: int) -> None:
        senders = self._ending.get(number, set())
        senders.discard(sender)
        if not senders:
            self._ending.pop(number, None)

    def _give_back(self, letter: Letter, now: float) -> None:
        self._accounts.finish(letter, now)
        ttl_ms = int((letter.deadline - now) * 1000)
        if ttl_ms <= 0:
            self._counters.expired += 1
            return
        body = pack_work(0, 0, letter.number, letter.body)
        sequence = self._accounts.give_back(letter.source)
        wire = pack(node_topic(letter.source), Kind.RETURN, self._node_id, ttl_ms, letter.channel, body, sequence)
        self._outbox.do(Publish(wire))


def _last_use(reader: Reader) -> float:
    return reader.used_at


def _maker_of(channels: tuple[str, ...]) -> NodeId | None:
    """Return the node that made the one ``?`` channel of a reader, or None if that is not what it reads."""
    return owner_of(channels[0]) if len(channels) == 1 and "?" in channels[0] else None
