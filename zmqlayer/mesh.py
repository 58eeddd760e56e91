"""
The mesh: one node's whole behaviour as a machine without I/O.

Bytes, topics, messages and ``now`` go in; actions and events come out. ``node.py`` drives it over ZeroMQ and
``memory.py`` over a network that exists only in memory, in virtual time. It is not thread-safe.

What goes in and what comes out of it::

    receive(wire, now)                        a frame from SUB or PULL
    subscribed(topic), unsubscribed(topic)    what XPUB reports
    probed(address, is_open)                  what probes found
    refused(refusal)                          what became of a dial, ours or another's, that did not get through
    found, lost, settled                      what discovery reports
    send, group_send, group_add, take, …      what users ask for
    tick(now)                                 time passed; not later than next_deadline()
        ──► outgoing()                        for the transport
        ──► events()                          for the node
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from zmqlayer.accounts import Accounts
from zmqlayer.actions import Action, Publish, Subscribe
from zmqlayer.addresses import Addresses
from zmqlayer.config import Config
from zmqlayer.counters import Counters
from zmqlayer.dispatch import Dispatch
from zmqlayer.events import Event, Handed, InboxKey, Interest, Joined, PeerChanged, Readable, Spread
from zmqlayer.exceptions import ChannelFull, ProtocolError
from zmqlayer.fanout import Fanout
from zmqlayer.frames import BROADCAST, Frame, Kind, is_barrier, is_for, node_topic, pack
from zmqlayer.identity import Identity
from zmqlayer.joining import Joining
from zmqlayer.journal import Journal
from zmqlayer.ledger import Account
from zmqlayer.links import Links
from zmqlayer.mail import Mail
from zmqlayer.membership import Membership
from zmqlayer.names import NodeId, short
from zmqlayer.notices import Notices
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, PeerInfo, PeerState
from zmqlayer.ports import Candidate, IdSource, Refusal, Standing
from zmqlayer.queues import Letter
from zmqlayer.readers import Readers
from zmqlayer.reception import Reception
from zmqlayer.rooms import Bound
from zmqlayer.tallies import Tallies

__all__ = ["Mesh"]

SWEEP_EVERY_S: Final = 1.0


class Mesh:
    """
    One node of a mesh.

    Attributes:
        pending: What happened and was not told yet; :meth:`events` takes it.
        takers: Who stands at which process channel; see :meth:`stand`.
        unread_mail: The process channels in which a message lies. Any thread may look there, at any moment.
        take_mail: Remove and return the oldest message of a process channel, which counts as delivered, or None; called
            as (channel, now). The members of a group share one, which names no channel.
        has_work: Whether a message lies here for the reader of some named channels; any thread may ask.
        take_work: As *take_mail*, of a reader; called as (channels, now).

    Args:
        identity: Who this node is.
        config: What it was told.
        randoms: Source of random bytes, for link numbers, barriers and jitter.
        driver_here: Returns who drives on this thread, or None; see :class:`Mail`.
    """

    def __init__(
        self, identity: Identity, config: Config, randoms: IdSource, driver_here: Callable[[], object] = lambda: None
    ) -> None:
        self.identity = identity
        self._addresses = Addresses(identity.node_id, config)
        self.pending: list[Event] = []
        self._emit = self.pending.append
        journal = Journal(self._emit)
        self.counters = Counters(journal)
        self.outbox = Outbox(identity.node_id)
        self.tallies = Tallies(config.limits.tallies)
        self._config = config
        self._links = Links(
            identity, config, self.outbox, journal, randoms, self._link_changed,
            lambda node_id, now: self._mail.peer_reachable(node_id, now),
            lambda node_id, now: self._membership.peer_listens(node_id, now),
        )  # fmt: skip
        self._peers = self._links.peers
        self.notices = Notices(config.limits.entrusted, self._blocked_by, self._emit)
        parts = (identity.node_id, config, self.outbox, self._peers)
        self._accounts = Accounts(
            *parts[1:], self.counters, journal, self._held, lambda frame: self._readers.asked_for(frame), self.notices
        )
        books = (config, self.outbox, self._peers, self.counters, self._accounts)
        self._mail = Mail(
            *books, self._letters_arrived, lambda letter, takers: self._emit(Handed(letter, takers)), driver_here
        )
        self.notices.mail = self._mail
        boxes, self.take_mail = self._mail.boxes, self._mail.pop
        self.takers, self.unread_mail = boxes.takers, boxes.channels
        self._dispatch = Dispatch(*books, self.notices)
        self._readers = self._dispatch.own = Readers(*books, self._dispatch, self._readable)
        self.has_work, self.take_work = self._readers.holds, self._readers.pop
        self._fanout = Fanout(*parts, self._mail, randoms, self._spread, self._send_copy)
        self._membership = Membership(*parts, self._fanout, self.counters, self._emit, self._clear)
        self._reception = Reception(
            identity.node_id, self._links, self._accounts, self.counters, journal, self._receivers(),
            self._mail.batch, self._readers.work_batch,
        )  # fmt: skip
        self._timed = (self._links, self._accounts.dues, self._fanout, self._membership.requests, self._readers)
        swept = (self._mail, self._accounts, self.counters, self._dispatch, self._readers, self._fanout)
        self._swept = (*swept, self.notices, self._addresses)
        self._joining = Joining()
        self._due_at = self._sweep_at = 0.0
        self._is_leaving = False

    def __repr__(self) -> str:
        up, here = len(self._peers.ready()), self.identity
        return f"<Mesh {here.role} {short(here.node_id)} [{up} peers ready | {self.in_flight} messages in flight]>"

    # Life

    def start(self, now: float) -> None:
        """Begin: subscribe to what every node hears."""
        self._due_at = self._sweep_at = now
        self._joining.give_up_at = now + self._config.timing.join_timeout_s
        for topic in (BROADCAST, node_topic(self.identity.node_id)):
            self.outbox.do(Subscribe(topic))
        self.tick(now)

    def leave(self, now: float) -> None:
        """Begin to leave: read no more and return what nobody started. What is queued may still be handed over."""
        self._is_leaving = True
        self._readers.withdraw(now)
        self._accounts.dues.tick(float("inf"))

    @property
    def is_drained(self) -> bool:
        """
        Whether nothing waits here to be handed over, and nothing is on its way to a reader of ours that left.

        And whether peers have begun the work that they were handed: the goodbye goes another way than work and may be
        faster, and who hears it takes in no more; what a busy peer gives back, others can have meanwhile.
        """
        if self._dispatch.queued or self._mail.parked or self._readers.is_ending:
            return False
        return not any(map(self._accounts.load, self._peers.ready()))

    def say_goodbye(self) -> None:
        """The last word: peers forget this node at once."""
        self.outbox.tell_all(Kind.GOODBYE, {})

    # What comes in

    def receive(self, wire: bytes, now: float, age_s: float = 0.0) -> None:
        """
        A frame arrived. Nothing that a peer sends raises: it is counted, logged once, and the link is closed.

        Args:
            age_s: Seconds that it may have waited for this process to run; a message in it lives so much shorter.
        """
        self._reception.receive(wire, now, age_s)

    def malformed(self, source: NodeId | None, fault: ProtocolError, now: float) -> None:
        """A peer broke the protocol: count it, and if we know who it was, end the link for a minute."""
        self._reception.malformed(source, fault, now)

    def subscribed(self, topic: bytes, now: float) -> None:
        """XPUB reports a new topic: a peer's own, or a barrier, which is echoed."""
        if is_barrier(topic):
            if is_for(topic, self.identity.node_id):
                self.outbox.do(Publish(pack(topic, Kind.ECHO, self.identity.node_id, 0, "", b"")))
        else:
            self._links.subscribed(topic, now)

    def unsubscribed(self, topic: bytes, now: float) -> None:
        """XPUB reports that nobody subscribes to a topic any more."""
        self._links.unsubscribed(topic, now)

    def probed(self, address: str, is_open: bool, now: float) -> None:
        """The transport reports that somebody listens at an address that was probed, or that nobody does."""
        self._links.probed(address, is_open, now)

    def refused(self, refusal: Refusal, now: float) -> None:
        """The transport reports a handshake of ZeroMQ that failed."""
        self._links.refused(refusal, now)

    def found(self, candidate: Candidate, now: float) -> None:
        """Discovery names an address where a node may listen."""
        self._links.found(candidate, now)

    def lost(self, candidate: Candidate, now: float) -> None:
        """Discovery takes a hint back."""
        self._links.lost(candidate, now)

    def moved(self, hosts: tuple[str, ...], now: float) -> None:
        """This node can be reached under other hosts than before."""
        self.identity = replace(self.identity, hosts=hosts)
        self._links.moved(self.identity, now)

    def settled(self, now: float) -> None:
        """Discovery has named everything that existed at start."""
        self._joining.is_settled = True
        self.outbox.call_by(now)

    def tick(self, now: float) -> None:
        """Do what is due. Call it after each batch of input, and not later than :meth:`next_deadline`."""
        if now < self.next_deadline():
            return
        self.outbox.tick_by = float("inf")
        is_doubtful = self._links.was_late(max(0.0, now - self._due_at), now)
        self._links.tick(now)
        self._accounts.dues.tick(now)
        self._readers.tick(now)
        for late in sorted(self._membership.tick(now) | self._fanout.tick(now)):
            if not is_doubtful:
                self._links.silence(late, now)
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_EVERY_S
            for part in self._swept:
                part.sweep(now)
        if self._joining.ends(self._links.is_settling, now):
            self._mail.joined(now)
            self.notices.sweep(now)
            self._emit(Joined())
        self._due_at = min(self._sweep_at, self._joining.next_at(), *(part.next_at() for part in self._timed))

    def next_deadline(self) -> float:
        """Return the monotonic second at which :meth:`tick` has something to do."""
        return min(self._due_at, self.outbox.tick_by)

    # What goes out

    def outgoing(self) -> list[Action]:
        """Return what the transport has to do, in order."""
        return self.outbox.take()

    def events(self) -> list[Event]:
        """Return what happened since the last call."""
        taken, self.pending[:] = self.pending[:], []
        return taken

    # What users ask for

    def send(self, channel: str, body: bytes, now: float) -> None:
        """
        Send one message.

        Raises:
            ChannelFull: The channel, or the peer behind it, has no room; nothing was queued.
        """
        address = self._addresses[channel]
        owner = address.owner
        try:
            if owner is None:
                self._dispatch.send(channel, body, now)
            else:
                self._mail.send(owner, channel, address, body, now)
        except ChannelFull:
            self.tallies.count_refused(address.family, now)
            raise
        self.tallies.count_sent(address.family, now)

    def entrust(self, channel: str, body: bytes, token: Hashable, now: float) -> None:
        """Send one message to a named channel, and emit :class:`Lost` if it is lost; raises as ``Dispatch.entrust``."""
        family = self._addresses[channel].family
        try:
            self._dispatch.entrust(channel, body, token, now)
        except ChannelFull:
            self.tallies.count_refused(family, now)
            raise
        self.tallies.count_sent(family, now)

    def withdraw(self, channel: str, token: Hashable, now: float) -> None:
        """Emit no :class:`Lost` for an entrusted message any more, and take it back if nobody has it yet."""
        self._dispatch.withdraw(channel, token, now)

    def has_reader(self, channel: str) -> bool:
        """Whether anybody, as far as is known here, reads a named channel. Any thread may ask, at any moment."""
        return self._dispatch.has_reader(channel)

    def group_send(self, group: str, body: bytes, now: float) -> None:
        """Send one message to every member of *group*."""
        self._fanout.send(group, body, now)

    def group_add(self, group: str, channel: str, now: float) -> int | None:
        """Add *channel* to *group*. Returns None if that is done, or a token: see :class:`Completed`."""
        return self._membership.add(group, channel, now)

    def group_discard(self, group: str, channel: str, now: float) -> int | None:
        """Remove *channel* from *group*. Returns as :meth:`group_add`."""
        return self._membership.discard(group, channel, now)

    def group_channels(self, group: str, now: float) -> tuple[list[str], int | None]:
        """Return the members this node knows of, and a token if peers were asked for theirs."""
        return self._membership.channels(group, now)

    def flush(self, now: float) -> int | None:
        """Drop all messages and memberships, here and at every peer. Returns as :meth:`group_add`."""
        return self._membership.flush(now)

    def take(self, interest: Interest, now: float) -> Letter | None:
        """Remove and return the oldest message for a receiver, or None. What is returned counts as delivered."""
        for key in interest.keys_in_turn:
            letter = self.take_mail(key, now) if isinstance(key, str) else self.take_work(key, now)
            if letter is not None:
                return letter if letter.channel else replace(letter, channel=str(key))
            if interest.own and not isinstance(key, str):
                self._readers.poll(key, now)  # or a receiver that is kept busy by others would never give it credit
        return None

    def stand(self, channel: str, taker: Standing) -> bool:
        """
        Let *taker* have the next message for a process channel by hand: see :class:`Handed`.

        Returns:
            False if a message lies in the channel already, somebody else stands there, or the node leaves.
        """
        if self._is_leaving or channel in self.unread_mail:
            return False
        return self.takers.setdefault(channel, taker) is taker

    def take_back(self, channel: str, letter: Letter, now: float) -> None:
        """A message that was handed over did not reach its taker: it is for whoever looks next."""
        self._mail.take_back(channel, letter, now)
        self._emit(Readable(channel))

    def wait(self, interest: Interest, now: float) -> None:
        """A receiver begins to wait: give credit for it."""
        if interest.named:
            self._readers.wait(interest.named, now)

    def unwait(self, interest: Interest) -> None:
        """A receiver that waited was woken, or gave up."""
        if interest.named:
            self._readers.unwait(interest.named)

    def poll(self, interest: Interest, now: float) -> None:
        """A receiver looked, found nothing and did not wait: it may look again soon."""
        if interest.named:
            self._readers.poll(interest.named, now)

    def read_ahead(self, interest: Interest, prefetch: int, now: float) -> None:
        """Who reads the named channels of *interest* takes so many messages before it wants them."""
        self._readers.read_ahead(interest.named, prefetch, now)

    def stop_reading(self, interest: Interest, now: float) -> None:
        """Read ahead for *interest* no more: what nobody took goes back to its senders. Others that wait go on."""
        self._readers.stop(interest.named, now)

    def close_channel(self, channel: str, now: float) -> None:
        """A ``!`` or ``?`` channel of this node has ended: forget its memberships and drop what is unread."""
        self._fanout.leave_all(channel, now)
        if "?" in channel:
            self._dispatch.drop(channel, now)
        self._mail.close(channel, now)
        self.notices.closed(self.identity.node_id, channel)

    def peers(self) -> list[PeerInfo]:
        """Return every peer that is linked or about to be."""
        return [peer.info for peer in self._peers]

    @property
    def ready_peers(self) -> int:
        """How many peers are READY."""
        return len(self._peers.ready())

    @property
    def is_joined(self) -> bool:
        """Whether what existed at start is linked, or did not answer in time."""
        return self._joining.is_over

    def is_read(self, prefix: str) -> bool:
        """Whether all that was sent to process channels whose names begin with *prefix* was taken, or is given up."""
        return self._accounts.is_read(prefix)

    def letters(self) -> Iterator[Letter]:
        """Go through the messages at this node that nobody took yet."""
        return chain(self._dispatch.letters(), self._readers.letters(), self._mail.letters())

    @property
    def in_flight(self) -> int:
        """Messages at this node that nobody took yet."""
        return self._dispatch.queued + self._readers.unread + self._mail.parked + len(self._mail.boxes)

    def account(self, node_id: NodeId) -> Account:
        """Return what this node and another sent each other."""
        return self._accounts.of(node_id)

    def statistics(self) -> dict[str, int]:
        """Return the message counters by name, and what is in flight here."""
        return self.counters.snapshot() | {"in_flight": self.in_flight}

    # Inside: what the parts ask and report

    def _receivers(self) -> dict[int, Callable[[Frame, Peer, float], object]]:
        """Return the part that takes frames of each kind from a peer, but for batches."""
        return {
            Kind.SYNCED: self._links.synced,
            Kind.HEARTBEAT: self._links.heartbeat,
            Kind.GOODBYE: lambda frame, peer, now: self._links.ban(peer, now, "it said goodbye"),
            Kind.ECHO: self._echo,
            Kind.TALLY: self._tally,
            Kind.CREDIT: self._dispatch.credit,
            Kind.CEDED: self._readers.ceded,
            Kind.ENDED: lambda frame, peer, now: self._readers.ended(frame),
            Kind.RETURN: lambda frame, peer, now: self._dispatch.returned(frame, now),
            Kind.CONSUMED: lambda frame, peer, now: self._accounts.consumed(frame, now),
            Kind.ASK: lambda frame, peer, now: self._membership.requests.asked(frame, now),
            Kind.ANSWER: lambda frame, peer, now: self._membership.requests.answered(frame),
            Kind.DIRECT: self._mail.direct,
            Kind.GROUP: lambda frame, peer, now: self._fanout.group(frame, now),
            Kind.WORK: self._readers.work,
        }

    def _send_copy(self, channel: str, body: bytes, now: float) -> None:
        """Send one member's copy of a group message to a channel that is no process channel of this node."""
        address = self._addresses[channel]
        if address.owner is None:
            self._dispatch.send(channel, body, now)
        else:
            self._mail.send(address.owner, channel, address, body, now)

    def _link_changed(self, peer: Peer, before: PeerState, now: float) -> None:
        after = peer.state
        was_up = before in (PeerState.READY, PeerState.SILENT)
        if was_up and not peer.is_up:
            self._dispatch.peer_down(peer.node_id, now)
            self._readers.peer_down(peer.node_id)
        if after is PeerState.GONE:
            self._dispatch.peer_gone(peer.node_id)
            self._mail.peer_gone(peer.node_id, now)
            self._fanout.peer_gone(peer.node_id)
            self._membership.peer_gone(peer.node_id, now)
            self.notices.peer_gone(peer.node_id)
        elif after is PeerState.SILENT:
            self._dispatch.peer_silent(peer.node_id)
        elif after is PeerState.READY and was_up:
            self._dispatch.peer_heard(peer.node_id, now)
            self._membership.peer_listens(peer.node_id, now)
        elif after is PeerState.READY:
            self._accounts.up(peer)
            self._readers.peer_up(now)
            self._membership.peer_up(peer.node_id)
        if not self._joining.is_over:
            self.outbox.call_by(now)
        if after is not before and after is not PeerState.GREETED and peer.was_ready:
            self._emit(PeerChanged(peer.info, after, now - peer.found_at))

    def _letters_arrived(self, letters: list[Letter], now: float) -> None:
        channel = letters[0].channel
        if "?" in channel:
            for letter in letters:
                self._dispatch.enqueue(letter, now)
            return
        if self.takers:
            letters = self._mail.hand_over_first(letters, now)
        if letters:
            self._mail.boxes.deliver(channel, letters)
            self._emit(Readable(channel, len(letters)))

    def _blocked_by(self, channel: str, now: float) -> Bound | None:
        owner = self._addresses[channel].owner
        return self._dispatch.blocked_by(channel, now) if owner is None else self._mail.blocked_by(owner, channel, now)

    def _clear(self, now: float) -> None:
        self._dispatch.clear(now)
        self._readers.clear(now)
        self._mail.clear(now)
        self._fanout.clear(now)

    def _spread(self, channels: list[str]) -> None:
        self._emit(Spread(channels))

    def _readable(self, key: InboxKey, number: int) -> None:
        self._emit(Readable(key, number))

    def _tally(self, frame: Frame, peer: Peer, now: float) -> None:
        if self._accounts.tally(frame, peer, now):
            self._links.renew(peer, now)

    def _echo(self, frame: Frame, peer: Peer, now: float) -> None:
        if not self._links.echo(frame, peer, now):
            self._fanout.echo(frame)

    def _held(self, source: NodeId) -> dict[str, int]:
        return self._mail.boxes.held(source) | self._dispatch.held(source)
