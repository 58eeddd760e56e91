"""
Accounts: what this node and each peer owe each other for messages. Sans-I/O; used by ``mesh.py`` and its parts.

Three things are kept exact here, also across cuts of a link:

* the window of each process channel elsewhere: what was sent there and not consumed yet;
* the sequence of messages, so that none is taken in twice or late, and gaps are noticed;
* the counters: a message that never arrived is counted by its sender, once the receiver reported the gap.

Each new pipe begins with a TALLY: how many messages went to this peer so far. What becomes of them the receiver
reports in CONSUMED (``dues.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from zmqlayer.actions import Push
from zmqlayer.closures import Closures
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.config import Config
from zmqlayer.counters import Counters, Drop
from zmqlayer.dues import Dues
from zmqlayer.exceptions import ChannelFull, ProtocolError
from zmqlayer.frames import WORK_BYTES, Frame, Kind, node_topic, pack
from zmqlayer.journal import Journal
from zmqlayer.ledger import Account, Ledger
from zmqlayer.names import NodeId, owner_of, short
from zmqlayer.notices import Notices
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, Peers
from zmqlayer.queues import Letter
from zmqlayer.reports import most_channels, read_counts, read_gaps, read_names, read_total
from zmqlayer.rooms import Bound
from zmqlayer.windows import Windows

__all__ = ["PEER_GONE", "Accounts"]

WORK, WORK_BATCH, RETURN = Kind.WORK, Kind.WORK_BATCH, Kind.RETURN  # a name is faster than a member
MOST_HELD: Final = 1_000
PEER_GONE: Final = "peer gone"
LOST: Final = "lost in a cut"


class Accounts:
    """
    The accounts of one node with all others.

    Attributes:
        closed: Channels of others that were closed, by their word.
        dues: What peers are to be told.

    Args:
        held: Returns the channels here that hold messages of a peer, each with the sequence of the oldest.
        asked_for: Whether a reader here gave credit for the message in a WORK frame.
        notices: Who is to be told of room, and of losses.
    """

    def __init__(
        self, config: Config, outbox: Outbox, peers: Peers, counters: Counters, journal: Journal,
        held: Callable[[NodeId], dict[str, int]], asked_for: Callable[[Frame], bool], notices: Notices,
    ) -> None:  # fmt: skip
        self._node_id = outbox.node_id
        self._config = config
        self._outbox = outbox
        self._peers = peers
        self._counters = counters
        self._journal = journal
        self._held = held
        self._asked_for = asked_for
        self.closed = Closures(config.limits.closed_channels)
        self._notices = notices
        self._rooms = notices.rooms
        self._custody = notices.custody
        self._windows = Windows(config.peer_messages, config.peer_bytes)
        self._ledger = Ledger(config.limits.accounts)
        self._most_channels = most_channels(config.max_message_size)
        self.dues = Dues(config, outbox, peers, self._ledger)

    # What goes out

    def admit(self, owner: NodeId, channel: str, size: int, deadline: float, capacity: int, now: float) -> int:
        """
        Count one message to a process channel, and return its place in the sequence.

        Args:
            size: Bytes of the message.
            deadline: Monotonic seconds at which it expires.
            capacity: Unread messages that the channel holds.

        Raises:
            ChannelFull: The channel, or the peer, has no room.
        """
        account = self._ledger.of(owner)
        sequence = account.mail_sent + 1
        try:
            self._windows.admit(owner, channel, (sequence, deadline, size), capacity, now)
        except ChannelFull:
            self._counters.refused += 1
            raise
        account.mail_sent = sequence
        self._counters.accepted += 1
        return sequence

    def blocked_by(self, owner: NodeId, channel: str, now: float) -> Bound | None:
        """Return what has no room for a message to a process channel, however large it is; None if there is room."""
        capacity, size = self._config.capacity_of(channel), self._config.max_message_size
        return self._windows.blocked_by(owner, channel, capacity, size, now)

    def is_read(self, prefix: str) -> bool:
        """Whether all mail to channels whose names begin with *prefix* was taken by those who read them."""
        return self._windows.are_empty(prefix)

    def withdraw(self, owner: NodeId, letters: Iterable[Letter]) -> None:
        """The last messages to a peer were dropped before they left."""
        account = self._ledger.of(owner)
        for letter in letters:
            account.mail_sent -= 1
            self._windows.settle_gap(owner, letter.sequence, letter.sequence)
        self._rooms.freed_at(owner)

    def hand_over(self, peer: NodeId) -> int:
        """Count one message that is pushed to a peer, and return its place in the sequence."""
        account = self._ledger.of(peer)
        account.work_sent += 1
        self._counters.handed_over += 1
        return account.work_sent

    def give_back(self, peer: NodeId) -> int:
        """Count one message of a peer that is published back to it, and return its place in the sequence."""
        account = self._ledger.of(peer)
        account.mail_sent += 1
        self._counters.handed_over += 1
        return account.mail_sent

    def of(self, peer: NodeId) -> Account:
        """Return the account with a peer."""
        return self._ledger.of(peer)

    def load(self, peer: NodeId) -> int:
        """Return how much of the work that was handed to a peer nobody started, as far as is known."""
        account = self._ledger.find(peer)
        return account.work_outstanding if account else 0

    # What comes in

    def arrived(self, frame: Frame, now: float) -> bool:
        """
        A message of a peer arrived. Returns whether to take it in.

        One that is late was reported as missed, when what came after it was taken in. One too many is refused, and
        reported in the same way: its sender ignores what a peer may have unread.
        """
        account = self._ledger.of(frame.source)
        arrivals = account.work if frame.kind == WORK else account.mail
        if not arrivals.admit(frame.sequence):
            self._counters.ignored += 1
            return False
        if arrivals.gaps:
            self.dues.owe(frame.source, now)
        if frame.kind != RETURN and not self._has_room(account, frame):
            arrivals.reject()
            self.dues.owe(frame.source, now)
            self._counters.ignored += 1
            return False
        self._counters.arrived += 1
        return True

    def batch_arrived(self, frame: Frame, bodies: Sequence[bytes]) -> bool:
        """
        Messages of a peer arrived in one frame. Returns whether all of them can be taken in.

        If not, nothing was counted, and each is to be asked for alone.
        """
        account, number = self._ledger.of(frame.source), len(bodies)
        if frame.kind == WORK_BATCH:
            arrivals, hold = account.work, account.hold_work
        else:
            arrivals, hold = account.mail, account.hold
        if arrivals.seen + 1 != frame.sequence or arrivals.gaps or not number:
            return False
        if not hold(sum(map(len, bodies)), 2 * self._config.peer_messages, 2 * self._config.peer_bytes, number):
            return False
        arrivals.seen += number
        self._counters.arrived += number
        return True

    def settle(self, letter: Letter, now: float) -> None:
        """This node is done with a message to a process channel: open the window of its sender."""
        if letter.is_copy:
            return
        channel, source = letter.channel, letter.source
        if source == self._node_id:
            self._settle(source, {channel: letter.sequence})
            return
        if (account := self._ledger.find(source)) is not None:
            account.release(len(letter.body))
        self.dues.read(source, channel, letter.sequence, now)

    def tell_closed(self, letters: Iterable[Letter], now: float) -> None:
        """Messages were dropped because their channel is closed: tell who sent them."""
        for letter in letters:
            if letter.source != self._node_id and not letter.is_copy:
                self.dues.closed(letter.source, letter.channel, now)

    def finish(self, letter: Letter, now: float) -> None:
        """This node is done with a message that was handed to a reader here."""
        if letter.source == self._node_id:
            return
        account = self._ledger.find(letter.source)
        if account is not None:
            account.release_work(len(letter.body))
            account.finished += 1
            self.dues.owe(letter.source, now)

    def finished(self, peer: NodeId) -> int:
        """Return how much of the work that a peer handed over this node is done with."""
        account = self._ledger.find(peer)
        return account.finished if account else 0

    # Reports of peers

    def consumed(self, frame: Frame, now: float) -> None:
        """
        A peer reports what became of our messages.

        Raises:
            ProtocolError: The payload is malformed, or cannot be.
        """
        payload = unpack_control(frame.body)
        account = self._returning(frame.source)
        self._settle(frame.source, read_counts(payload, "read"))
        for gap in read_gaps(payload, "gaps"):
            self._windows.settle_gap(frame.source, *gap)
            self._rooms.freed_at(frame.source)
        for gap in read_gaps(payload, "work_gaps"):
            self._custody.missed(frame.source, *gap)
        for channel in read_names(payload, "closed"):
            self._note_closed(frame.source, channel, now)
        if "done" in payload:
            account.note_done(payload["done"])
        if "seen" in payload:
            account.mail_seen = read_total(payload, "seen")
        if "missed" in payload and (lost := account.note_missed(payload["missed"])) > 0:
            self._counters.handed_over -= lost
            self._counters.drop(Drop(LOST, peer=frame.source), now, lost)

    def tally(self, frame: Frame, peer: Peer, now: float) -> bool:
        """
        A peer says what it sent so far on a carrier, and what it knows of our reports.

        Returns:
            Whether work of the present link was lost, and with it the credit that it spent.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        account = self._returning(frame.source)
        sent, missed, done = (read_total(payload, key) for key in ("sent", "missed", "done"))
        is_lost = False
        if payload.get("carrier") == "work":
            if not account.work.catch_up(sent, missed):
                account.finished = done
            if account.work.missed == missed:
                account.work_gaps = []  # it has heard of all
            is_lost = account.keep_work_gaps() and account.work_link == peer.our_link
            account.work_link = peer.our_link
        else:
            account.mail.catch_up(sent, missed)
            if "held" in payload:
                self._windows.restate(frame.source, read_total(payload, "seen"), read_counts(payload, "held"))
                self._rooms.freed_at(frame.source)
        if sent or missed or done:  # with a stranger there is nothing to report
            self.dues.owe(frame.source, now)
        return is_lost

    # Links

    def reachable(self, node_id: NodeId, parked: int) -> None:
        """A pipe to a node begins: say what was published to it before, not counting what is *parked*."""
        # Anybody may subscribe to the topics of nodes that do not exist: what was never sent needs no account.
        account = self._ledger.reopen(node_id) if self._ledger.find(node_id) else Account()
        payload = account.mail_tally(parked)
        held = self._held(node_id)
        if len(held) <= min(MOST_HELD, self._most_channels):
            payload |= {"seen": account.mail.seen, "held": list(held.items())}
        self._outbox.tell(node_id, Kind.TALLY, payload)

    def up(self, peer: Peer) -> None:
        """A link is up, or holds work: say on the pipe for work what was pushed before."""
        account = self._ledger.reopen(peer.node_id)
        wire = pack(node_topic(peer.node_id), Kind.TALLY, self._node_id, 0, "", pack_control(account.work_tally()))
        self._outbox.do(Push(peer.pull, wire))

    def gone(self, node_id: NodeId, parked: list[Letter], now: float) -> None:
        """A peer is gone: what it was not done with, as far as we know, is lost."""
        account = self._ledger.of(node_id)
        account.mail_sent -= len(parked)
        mail = self._windows.forget(node_id) - len(parked)
        work = account.work_outstanding - account.written_work
        account.written_mail += mail
        account.written_work += work
        self._counters.handed_over -= mail + work
        if lost := mail + work + len(parked):
            self._counters.drop(Drop(PEER_GONE, parked[0].channel if parked else "", node_id), now, lost)
        self.dues.forget(node_id)
        if (forgotten := self._ledger.close(node_id)) is not None:
            self._counters.forget(forgotten)

    # Time

    def sweep(self, now: float) -> None:
        """Forget windows of messages that expired. Say again what was sent, lest a broken pipe go unnoticed."""
        self._windows.expire(now)
        self.closed.sweep(now)
        for peer in self._peers:
            if not peer.is_up:
                continue
            account = self._ledger.of(peer.node_id)
            if account.work_outstanding:
                self.up(peer)
            if account.mail_sent > account.mail_seen:
                self._outbox.tell(peer.node_id, Kind.TALLY, account.mail_tally(0))

    # Inside

    def _settle(self, owner: NodeId, read: Mapping[str, int]) -> None:
        self._windows.settle(owner, read)
        if self._rooms.lines and read:
            for channel in read:
                self._rooms.freed(channel)
            self._rooms.freed(owner)

    def _has_room(self, account: Account, frame: Frame) -> bool:
        # Twice the limits: the sender's clock frees room for what expired before this node has looked.
        most, most_bytes = 2 * self._config.peer_messages, 2 * self._config.peer_bytes
        if frame.kind != WORK:
            if account.hold(len(frame.body), most, most_bytes):
                return True
        else:
            size = len(frame.body) - WORK_BYTES
            if account.hold_work(size, most, most_bytes):
                return True
            if self._asked_for(frame):
                account.take_work(size)
                return True
        if not account.is_over:
            account.is_over = True
            self._journal.warning(
                "refused a message for %r of peer %s: %d messages with %d bytes of it are unread here; "
                "give all nodes the same peer_messages and peer_bytes",
                frame.target[:100], short(frame.source), account.unread + account.unread_work,
                account.unread_bytes + account.unread_work_bytes,
            )  # fmt: skip
        return False

    def _returning(self, node_id: NodeId) -> Account:
        """A peer speaks: what was written off because it seemed to be gone is on its books again."""
        account = self._ledger.of(node_id)
        if written := account.written_mail + account.written_work:
            self._counters.handed_over += written
            self._counters.restore(PEER_GONE, node_id, written)
            account.written_mail = account.written_work = 0
        return account

    def _note_closed(self, owner: NodeId, channel: str, now: float) -> None:
        if owner_of(channel) != owner:
            raise ProtocolError(f"it says that {channel[:100]!r} is closed, which it does not own")
        self.closed.add(channel, now)
        self._notices.closed(owner, channel)
