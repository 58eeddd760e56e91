"""
Links: dialling, the handshake, heartbeats, the end. Sans-I/O; used by ``mesh.py`` only.

The handshake between A, which dials, and B::

    A ── HELLO (PUSH) ──────────────► B      B connects its SUB to A's XPUB
    A ◄────────── HELLO answer (PUSH) ── B   A connects its SUB to B's XPUB
    each SUB sends its subscriptions, then one to a fresh barrier topic; XPUB reads them in that order
    A ◄──────────── ECHO (XPUB → SUB) ── B   so A's subscriptions are installed at B …
    A ── SYNCED (XPUB → SUB) ───────► B      … and B knows it. The same the other way round.

A link is READY when the peer's own topic is subscribed here, its ECHO came, and its SYNCED came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from zmqlayer.actions import Connect, Disconnect, HangUp, Probe, Push
from zmqlayer.barriers import Barriers
from zmqlayer.codec import unpack_control
from zmqlayer.config import Config
from zmqlayer.dialing import Dialling
from zmqlayer.frames import Frame, Kind, node_of, node_topic, pack
from zmqlayer.gossip import Named, may_help, read_named
from zmqlayer.greetings import Greeting, address_of, host_of
from zmqlayer.heartbeats import Beat, Heartbeats, read_lag_ms, read_pace, to_hundredths
from zmqlayer.hellos import Hellos
from zmqlayer.identity import Identity
from zmqlayer.journal import Journal
from zmqlayer.names import NodeId, short
from zmqlayer.outbox import Outbox
from zmqlayer.peers import SILENT, Cause, Peer, Peers, PeerState
from zmqlayer.ports import Candidate, IdSource, Refusal
from zmqlayer.refusals import Refusals

__all__ = ["LinkObserver", "Links"]

PUSHED: Final = frozenset((Kind.PULSE, Kind.WORK, Kind.WORK_BATCH, Kind.ENDED, Kind.CEDED))
EITHER_WAY: Final = Kind.TALLY
"""It goes the way of what it counts, so it tells of neither."""

LinkObserver = Callable[[Peer, PeerState, float], None]
"""Called with (peer, the state it had before, now) after each change of state."""


class Links:
    """
    The links of one node to its peers.

    Args:
        on_reachable: Called when a peer subscribed to its own topic: what is published there reaches it, unless its
            pipe is a former one whose end was not noticed yet.
        before_synced: Called before a peer is told on its topic that it may take the link for up: what it has to know
            by then can go there.
    """

    def __init__(
        self, identity: Identity, config: Config, outbox: Outbox, journal: Journal, randoms: IdSource,
        on_change: LinkObserver, on_reachable: Callable[[NodeId, float], None],
        before_synced: Callable[[NodeId, float], None],
    ) -> None:  # fmt: skip
        self.peers = Peers(config.timing, journal)
        self._identity = identity
        self._config = config
        self._timing = config.timing
        self._outbox = outbox
        self._journal = journal
        self._randoms = randoms
        self._on_change = on_change
        self._on_reachable = on_reachable
        self._before_synced = before_synced
        self._dialling = Dialling(
            config.timing, config.limits, journal, self._chance, self._is_linked, self.peers.meeting_since,
            len(identity.doors),
        )  # fmt: skip
        self._refusals = Refusals(config.limits.refusals, journal, is_rotating=len(identity.doors) > 1)
        self._dial_link = self._new_link()
        self._barriers = Barriers(outbox, randoms)
        self._subscribers: dict[NodeId, None] = {}
        self._hellos = Hellos(identity, config, outbox, journal, self.peers, self._chance)
        self._heartbeats = Heartbeats(config.timing)

    # What discovery says

    def found(self, candidate: Candidate, now: float) -> None:
        """A node may listen at an address. One whose door is none of ours cannot be dialled."""
        door = self._identity.door_of(candidate.tag)
        if candidate.node_id != self._identity.node_id and (door is not None or not candidate.tag):
            self._dialling.add(candidate, now, door)
            self._outbox.call_by(now)

    def lost(self, candidate: Candidate, now: float) -> None:
        """A hint was taken back."""
        self._dialling.remove(candidate, now)

    def moved(self, identity: Identity, now: float) -> None:
        """This node has other hosts than before: greetings tell them, and what did not answer may do so now."""
        self._identity = identity
        self._hellos.moved(identity)
        self._dialling.hurry(now)
        self._outbox.call_by(now)

    def is_settling(self) -> bool:
        """Whether a link may still come up from what was found so far."""
        is_meeting = len(self._hellos.routes) > 0 or bool(self.peers.meeting_since())
        return is_meeting or self._dialling.is_pending()

    # The handshake

    def hello(self, frame: Frame, now: float) -> None:
        """
        A node greets us, or answers our greeting.

        Raises:
            ProtocolError: The payload is malformed.
        """
        if self._hellos.rejections.is_banned(frame.source, now):
            return
        payload = unpack_control(frame.body)
        if payload.get("to") not in (None, self._identity.node_id):
            return  # it took a way that leads to us, and was for somebody else
        if frame.source == self._identity.node_id:
            self._met_ourselves(payload)
            return
        peer = self.peers.get(frame.source)
        has_room = peer is not None or len(self.peers) < self._config.limits.peers
        if reason := self._hellos.rejections.reason(payload, has_room=has_room):
            self._hellos.refuse(frame.source, reason, payload, now)
            return
        greeting = Greeting.from_payload(payload)
        self._hear_of(greeting.peers, address_of(greeting.hosts[0], greeting.pull), now)
        if peer is None:
            peer = self._greet(frame.source, greeting, now)
            if peer is None:
                return
        elif peer.their_link != greeting.link and not self._is_known_to(greeting):
            peer.their_link = greeting.link
            self._move(peer, Cause.RESTARTED, now)
            self._start_anew(peer, now)
        if greeting.is_answer:
            self._note_answer(peer, greeting, now)
            self._tell_synced(peer, now)  # what we said before may have overtaken our greeting
        else:
            self._hellos.push_to(peer, answers=greeting.dialled)

    def rejected(self, frame: Frame, now: float) -> None:
        """
        Whoever listens at an address that we greeted wants no link with us.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        dialled = str(payload.get("dialled"))
        if self._dialling.is_greeted(dialled):
            self._dialling.shunned(dialled, now)
            self._hang_up(dialled)
            self._hellos.rejections.refused_by(dialled, payload)
            self._outbox.call_by(now)

    def synced(self, frame: Frame, peer: Peer, now: float) -> None:
        """The peer's barrier was echoed by us: its subscriptions are installed here."""
        payload = unpack_control(frame.body)
        if payload.get("yours") != peer.our_link:
            self._hellos.push_to(peer)  # it goes by a number of ours that is out of date
        elif payload.get("mine") == peer.their_link:
            peer.is_synced = True
            self.peers.note_pace(peer, read_pace(payload))
            self._check_linked(peer, now)

    def echo(self, frame: Frame, peer: Peer, now: float) -> bool:
        """A barrier came back. Returns whether it was a link's own; others belong to groups."""
        if not self._barriers.echoed(frame.topic, peer.node_id):
            return False
        peer.is_echoed = True
        self._tell_synced(peer, now)
        self._check_linked(peer, now)
        return True

    def subscribed(self, topic: bytes, now: float) -> None:
        """A topic appeared at our XPUB. If it is a peer's own, what we publish reaches that peer from now on."""
        node_id = node_of(topic)
        if node_id is None:
            return
        self._note_subscriber(node_id)
        peer = self.peers.get(node_id)
        if peer is None and node_id in self._subscribers:
            self.peers.early.add(node_id)
            self._on_reachable(node_id, now)
        elif peer is not None:
            peer.is_subscribed = True
            self._on_reachable(node_id, now)
            self._tell_synced(peer, now)
            self._check_linked(peer, now)

    def unsubscribed(self, topic: bytes, now: float) -> None:
        """A peer's own topic left our XPUB: the pipe was cut. Start the link anew, with little patience."""
        node_id = node_of(topic)
        if node_id is None:
            return
        self._subscribers.pop(node_id, None)
        self.peers.early.discard(node_id)
        peer = self.peers.get(node_id)
        if peer is None or not peer.is_subscribed:
            return
        peer.is_subscribed = False
        self._renew(peer, Cause.CUT, now)

    def renew(self, peer: Peer, now: float) -> None:
        """Messages of a peer that is up were lost: start the link anew."""
        if peer.is_up:
            self._renew(peer, Cause.RESTARTED, now)

    def probed(self, address: str, is_open: bool, now: float) -> None:
        """Somebody listens at an address, or nobody does. Who was cut off and does not listen any more is gone."""
        if is_open:
            patience_s = self._dialling.accepted(address, now)
            if patience_s is not None:
                self._hellos.push(address, self._dialling.door_for(address), self._dial_link, patience_s)
        else:
            self._dialling.refused(address, now)
        self._outbox.call_by(now)
        peer = self.peers.at(address)
        if not is_open and peer is not None and peer.is_cut:
            self._journal.debug("x %s: nobody listens at its address any more", short(peer.node_id))
            self._end(peer, Cause.DEPARTED, now, is_final=False)

    def heartbeat(self, frame: Frame, peer: Peer, now: float) -> None:
        """
        A peer says that it lives, how it is, and whom it is linked to.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        peer.lag_ms = read_lag_ms(payload)
        self.peers.note_pace(peer, read_pace(payload))
        self._hear_of(read_named(payload.get("peers", []), "HEARTBEAT"), peer.pull, now)

    def refused(self, refusal: Refusal, now: float) -> None:
        """A handshake of ZeroMQ failed. If we dialled, the next of our secrets is tried; what none fits is told."""
        address = refusal.address
        if not refusal.is_dialled:
            self._refusals.note(refusal, now)
            return
        self._outbox.do(HangUp(address))
        if self._dialling.denied(address, now):
            self._hellos.push(address, self._dialling.door_for(address), self._dial_link, self._timing.dial_timeout_s)
        elif self._dialling.is_denied(address):
            self._refusals.note(refusal, now)
        self._outbox.call_by(self._dialling.next_at())

    # Life and death

    def heard(self, peer: Peer, kind: int, now: float) -> None:
        """A frame of a peer proves that it lives, and that the way it came is open."""
        if kind in PUSHED:
            peer.pushed_at = now
        elif kind != EITHER_WAY:
            peer.heard_at = now
        if peer.state is SILENT and now - self.peers.quiet_since(peer) < self._timing.silent_after_s * peer.pace:
            self._move(peer, Cause.HEARD, now)

    def depart(self, peer: Peer, now: float, reason: str) -> None:
        """End a link at once."""
        self._journal.debug("x %s: %s", short(peer.node_id), reason)
        self._end(peer, Cause.DEPARTED, now, is_final=True)

    def ban(self, peer: Peer, now: float, reason: str) -> None:
        """End the link to a peer that said goodbye or broke the protocol, and do not answer it for a while."""
        self._hellos.rejections.ban(peer.node_id, now)
        self.depart(peer, now, reason)

    def silence(self, node_id: NodeId, now: float) -> None:
        """A READY peer did not answer in time what it had to answer: give it no new work."""
        peer = self.peers.get(node_id)
        if peer is not None and peer.state is PeerState.READY:
            self._move(peer, Cause.QUIET, now)

    def was_late(self, lateness_s: float, now: float) -> bool:
        """
        This node's own loop was late by so much: peers are told. Returns whether that is so long that it doubts itself.

        Then it does not accuse its peers of the time that it missed.
        """
        self._heartbeats.was_late(lateness_s)
        is_doubtful = lateness_s > self._timing.heartbeat_s
        if is_doubtful:
            self.peers.excuse(lateness_s, now)
        return is_doubtful

    def tick(self, now: float) -> None:
        """Dial what is due, send the heartbeat, move links whose time is up."""
        to_probe, in_vain = self._dialling.due(now)
        for node_id in self._hellos.routes.overdue(now):
            in_vain += self._hellos.routes.end(node_id)[0]
        for address in in_vain:
            self._hang_up(address)
        for address in (*to_probe, *self.peers.to_probe(now)):
            self._outbox.do(Probe(address))
        self._refusals.tick(now)
        if (beat := self._heartbeats.due(len(self.peers), now)) is not None:
            self._beat(beat, now)
        for peer, cause in self.peers.check(now):
            if cause is Cause.OVERDUE:
                self._end(peer, cause, now, is_final=False)
            else:
                self._move(peer, cause, now)

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do, at the latest."""
        dialling, routes = self._dialling.next_at(), self._hellos.routes.next_at()
        return min(self._heartbeats.next_at, dialling, routes, self.peers.next_at())

    # Inside

    def _beat(self, beat: Beat, now: float) -> None:
        """Tell all peers that we live."""
        if len(self.peers):
            named = self._hellos.gossip.for_heartbeat(self._hellos.linked(), now)
            payload = {
                "lag_ms": beat.lag_ms,
                "pace": to_hundredths(beat.pace),
                "peers": [list(pair) for pair in named],
            }
            self._outbox.tell_all(Kind.HEARTBEAT, payload)
        for peer in self.peers:
            if peer.is_up and beat.is_pushed_to(peer.node_id):
                wire = pack(node_topic(peer.node_id), Kind.PULSE, self._identity.node_id, 0, "", b"")
                self._outbox.do(Push(peer.pull, wire))

    def _greet(self, node_id: NodeId, greeting: Greeting, now: float) -> Peer | None:
        """Begin a link at once, if we know how to reach the node; else find out, and return None."""
        addresses = self._addresses_of(node_id, greeting)
        if not greeting.is_answer and len(addresses) > 1:
            self._hellos.try_hosts(node_id, greeting, addresses, self._dial_link, now)
            return None
        pull = greeting.dialled if greeting.is_answer else addresses[0]
        is_proven = self._dialling.is_greeted(pull) or self._hellos.routes.leads(node_id, pull)
        if greeting.is_answer and not is_proven:
            return None  # too late, or made up
        former = self.peers.at(pull)
        if former is not None and former.state is PeerState.READY and not is_proven:
            return None  # anybody can claim that
        if former is not None:
            self.depart(former, now, "another process answers at its address")
        tried, our_link = self._hellos.routes.end(node_id)
        peer = Peer(
            node_id=node_id,
            role=greeting.role,
            pull=pull,
            pub=address_of(host_of(pull), greeting.pub),
            door=self._identity.door_of(greeting.cluster) or 0,
            our_link=self._dial_link if our_link is None else our_link,
            their_link=greeting.link,
            found_at=now,
            heard_at=now,
            patience_s=self._hellos.patience_of(greeting),
        )
        self.peers.add(peer)
        self.peers.early.discard(node_id)
        for address in tried:
            self._hang_up(address)
        self._dialling.answered(pull, node_id, now)
        self._move(peer, Cause.HELLO, now)
        self._barriers.await_first(node_id)
        self._outbox.do(Connect(peer.pub, peer.door))
        if node_id in self._subscribers:
            self.subscribed(node_topic(node_id), now)
        return peer

    def _note_subscriber(self, node_id: NodeId) -> None:
        """Remember whose own topic is subscribed; the oldest without a link makes room."""
        if node_id not in self._subscribers and len(self._subscribers) >= self._config.limits.subscribers:
            oldest = next((one for one in self._subscribers if not self._is_linked(one)), None)
            if oldest is None:
                return
            del self._subscribers[oldest]
            self.peers.early.discard(oldest)
        self._subscribers[node_id] = None

    def _addresses_of(self, node_id: NodeId, greeting: Greeting) -> list[str]:
        # A link-local address means nothing without the zone, which is ours to know.
        zoned = self._dialling.address_with_zone(node_id)
        named = [(host.startswith("fe80:"), address_of(host, greeting.pull)) for host in greeting.hosts]
        return list(dict.fromkeys(zoned if zoned and is_local else address for is_local, address in named))

    def _note_answer(self, peer: Peer, greeting: Greeting, now: float) -> None:
        """One of our dials was answered; an address that we do not use for that peer is hung up."""
        is_ours = self._dialling.is_greeted(greeting.dialled)
        self._dialling.answered(greeting.dialled, peer.node_id, now)
        if is_ours:
            self._hang_up(greeting.dialled)
        if greeting.via:
            self._hellos.push_to(peer, answers=greeting.via)

    def _met_ourselves(self, payload: dict[str, Any]) -> None:
        """We dialled ourselves, if that is our own greeting: others may put our id into theirs."""
        dialled = str(payload.get("dialled"))
        if payload.get("link") == self._dial_link and self._dialling.is_greeted(dialled):
            self._dialling.is_own(dialled)
            self._hang_up(dialled)

    def _hang_up(self, address: str) -> None:
        """Close the PUSH to an address, unless a peer or another dial needs it."""
        is_used = self._dialling.is_greeted(address) or self._hellos.routes.serves(address)
        if self.peers.at(address) is None and not is_used:
            self._outbox.do(HangUp(address))

    def _is_known_to(self, greeting: Greeting) -> bool:
        """Whether the sender is linked to us already, and only did not know who listens at one more address."""
        return any(named[0] == self._identity.node_id for named in greeting.peers)

    def _hear_of(self, named: tuple[Named, ...], heard_from: str, now: float) -> None:
        for node_id, address, tag in named:
            if node_id == self._identity.node_id or self._is_linked(node_id):
                continue
            door = self._identity.door_of(tag)
            if door is not None and may_help(address, heard_from=heard_from):
                self._dialling.vouch(Candidate(address, node_id), now, door)
                self._outbox.call_by(now)

    def _start_anew(self, peer: Peer, now: float) -> None:
        peer.start_anew()
        self._barriers.await_anew(peer.node_id, now)

    def _tell_synced(self, peer: Peer, now: float) -> None:
        if peer.is_echoed and peer.is_subscribed:
            self._before_synced(peer.node_id, now)
            pace = to_hundredths(self._timing.pace(len(self.peers)))
            payload: dict[str, object] = {"mine": peer.our_link, "yours": peer.their_link, "pace": pace}
            self._outbox.tell(peer.node_id, Kind.SYNCED, payload)

    def _check_linked(self, peer: Peer, now: float) -> None:
        if peer.state is not PeerState.GREETED:
            return
        self.peers.progressed(peer, now)
        if peer.is_subscribed and peer.is_echoed and peer.is_synced:
            self._dialling.linked(peer.node_id)
            self._hellos.gossip.has_come(peer.node_id)
            self._move(peer, Cause.LINKED, now)

    def _end(self, peer: Peer, cause: Cause, now: float, *, is_final: bool) -> None:
        self._barriers.ended(peer.node_id)
        self._move(peer, cause, now)
        self._outbox.do(Disconnect(peer.pub))
        self._outbox.do(HangUp(peer.pull))
        self._dial_link = self._new_link()
        if not is_final:
            keep = self._dialling.remember if peer.was_ready else self._dialling.vouch
            keep(Candidate(peer.pull, peer.node_id), now)
        self._dialling.hung_up(peer.node_id, now, is_final=is_final, was_ready=peer.was_ready)
        self._outbox.call_by(self._dialling.next_at())

    def _move(self, peer: Peer, cause: Cause, now: float) -> None:
        before = self.peers.move(peer, cause, now)
        if before is PeerState.GREETED and peer.state is not before:
            self._dialling.met()
            self._outbox.call_by(self._dialling.next_at())
        self._outbox.call_by(self.peers.next_at())
        if cause is not Cause.HEARD or before is not peer.state:
            self._on_change(peer, before, now)

    def _is_linked(self, node_id: NodeId) -> bool:
        return self.peers.get(node_id) is not None

    def _renew(self, peer: Peer, cause: Cause, now: float) -> None:
        peer.our_link = self._new_link()
        self._move(peer, cause, now)
        self._start_anew(peer, now)
        self._hellos.push_to(peer)

    def _chance(self) -> float:
        return self._randoms(1)[0] / 255

    def _new_link(self) -> int:
        return int.from_bytes(self._randoms(4), "big")
