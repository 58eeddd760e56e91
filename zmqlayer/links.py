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

import logging
from collections.abc import Callable
from typing import Any, Final

from zmqlayer.actions import Connect, Disconnect, HangUp, Probe, Push
from zmqlayer.barriers import Barriers
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.config import Config
from zmqlayer.dialing import Dialling
from zmqlayer.frames import BROADCAST, PROTOCOL_MAJOR, Frame, Kind, node_of, node_topic, pack
from zmqlayer.gossip import Gossip, Named, may_help, read_named
from zmqlayer.greetings import Greeting, address_of, host_of
from zmqlayer.identity import Identity
from zmqlayer.names import NodeId, short
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Cause, Peer, Peers, PeerState
from zmqlayer.ports import Candidate, IdSource, Refusal
from zmqlayer.refusals import Refusals

__all__ = ["LinkObserver", "Links"]

logger = logging.getLogger("zmqlayer")

BAN_S: Final = 60.0
PUSHED: Final = frozenset((Kind.PULSE, Kind.WORK, Kind.ENDED, Kind.CEDED))

LinkObserver = Callable[[Peer, PeerState, float], None]
"""Called with (peer, the state it had before, now) after each change of state."""


class Links:
    """The links of one node to its peers."""

    def __init__(
        self, identity: Identity, config: Config, outbox: Outbox, randoms: IdSource,
        on_change: LinkObserver, on_reachable: Callable[[Peer, float], None],
    ) -> None:  # fmt: skip
        self.peers = Peers(config.timing)
        self._identity = identity
        self._config = config
        self._timing = config.timing
        self._outbox = outbox
        self._randoms = randoms
        self._on_change = on_change
        self._on_reachable = on_reachable
        self._dialling = Dialling(
            config.timing, config.limits, lambda: randoms(1)[0] / 255, self._is_linked, len(identity.doors)
        )
        self._refusals = Refusals(config.limits.refusals, is_rotating=len(identity.doors) > 1)
        self._dial_link = self._new_link()
        self._barriers = Barriers(outbox, randoms)
        self._subscribers: set[NodeId] = set()
        self._banned: dict[NodeId, float] = {}
        self._next_heartbeat = 0.0
        self._lag_s = 0.0
        self._refused: set[NodeId] = set()
        self._failures: dict[NodeId, int] = {}
        self._gossip = Gossip()

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

    @property
    def is_settling(self) -> bool:
        """Whether a link may still come up from what was found so far."""
        return self._dialling.is_pending() or any(p.state is PeerState.GREETED for p in self.peers)

    # The handshake

    def hello(self, frame: Frame, now: float) -> None:
        """
        A node greets us, or answers our greeting.

        Raises:
            ProtocolError: The payload is malformed.
        """
        if self._banned.get(frame.source, now) > now:
            return
        payload = unpack_control(frame.body)
        if frame.source == self._identity.node_id:
            self._dialling.is_own(str(payload.get("dialled")))
            self._outbox.do(HangUp(str(payload.get("dialled"))))
            return
        if self._is_foreign(frame.source, payload):
            return
        greeting = Greeting.from_payload(payload)
        self._hear_of(greeting.peers, address_of(greeting.hosts[0], greeting.pull), now)
        peer = self.peers.get(frame.source)
        if peer is None:
            peer = self._greet(frame.source, greeting, now)
        elif peer.their_link != greeting.link and not self._is_known_to(greeting):
            peer.their_link = greeting.link
            self._move(peer, Cause.RESTARTED, now)
            self._start_anew(peer, now)
        if greeting.is_answer:
            self._note_answer(peer, greeting.dialled, now)
            self._tell_synced(peer)  # what we said before may have overtaken our greeting
        else:
            self._greet_back(peer, answers=greeting.dialled)

    def synced(self, frame: Frame, peer: Peer, now: float) -> None:
        """The peer's barrier was echoed by us: its subscriptions are installed here."""
        payload = unpack_control(frame.body)
        if payload.get("yours") != peer.our_link:
            self._greet_back(peer)  # it goes by a number of ours that is out of date
        elif payload.get("mine") == peer.their_link:
            peer.is_synced = True
            self._check_linked(peer, now)

    def echo(self, frame: Frame, peer: Peer, now: float) -> bool:
        """A barrier came back. Returns whether it was a link's own; others belong to groups."""
        if not self._barriers.echoed(frame.topic, peer.node_id):
            return False
        peer.is_echoed = True
        self._tell_synced(peer)
        self._check_linked(peer, now)
        return True

    def subscribed(self, topic: bytes, now: float) -> None:
        """A topic appeared at our XPUB. If it is a peer's own, what we publish reaches that peer from now on."""
        node_id = node_of(topic)
        if node_id is None:
            return
        self._subscribers.add(node_id)
        peer = self.peers.get(node_id)
        if peer is not None:
            peer.is_subscribed = True
            self._on_reachable(peer, now)
            self._tell_synced(peer)
            self._check_linked(peer, now)

    def unsubscribed(self, topic: bytes, now: float) -> None:
        """A peer's own topic left our XPUB: the pipe was cut. Start the link anew, with little patience."""
        node_id = node_of(topic)
        if node_id is None:
            return
        self._subscribers.discard(node_id)
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
                self._push_hello(address, self._dialling.door_for(address), self._dial_link, patience_s)
        else:
            self._dialling.refused(address, now)
        self._outbox.call_by(now)
        peer = self.peers.at(address)
        if not is_open and peer is not None and peer.is_cut:
            logger.debug("x %s: nobody listens at its address any more", short(peer.node_id))
            self._end(peer, Cause.DEPARTED, now, is_final=False)

    def heartbeat(self, frame: Frame, peer: Peer, now: float) -> None:
        """
        A peer says that it lives, how it is, and whom it is linked to.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        lag_ms = payload.get("lag_ms")
        peer.lag_ms = lag_ms if type(lag_ms) is int else 0
        self._hear_of(read_named(payload.get("peers", []), "HEARTBEAT"), peer.pull, now)

    def refused(self, refusal: Refusal, now: float) -> None:
        """A handshake of ZeroMQ failed. If we dialled, the next of our secrets is tried; what none fits is told."""
        address = refusal.address
        if not refusal.is_dialled:
            self._refusals.note(refusal, now)
            return
        self._outbox.do(HangUp(address))
        if self._dialling.denied(address, now):
            self._push_hello(address, self._dialling.door_for(address), self._dial_link, self._timing.dial_timeout_s)
        elif self._dialling.is_denied(address):
            self._refusals.note(refusal, now)
        self._outbox.call_by(self._dialling.next_at())

    # Life and death

    def heard(self, peer: Peer, kind: int, now: float) -> None:
        """A frame of a peer proves that it lives, and that the way it came is open."""
        if kind in PUSHED:
            peer.pushed_at = now
        else:
            peer.heard_at = now
        if peer.state is PeerState.SILENT and now - peer.quiet_since < self._timing.silent_after_s:
            self._move(peer, Cause.HEARD, now)

    def depart(self, peer: Peer, now: float, reason: str) -> None:
        """End a link at once."""
        logger.debug("x %s: %s", short(peer.node_id), reason)
        self._end(peer, Cause.DEPARTED, now, is_final=True)

    def ban(self, peer: Peer, now: float, reason: str) -> None:
        """End the link to a peer that said goodbye or broke the protocol, and do not answer it for a while."""
        self._banned[peer.node_id] = now + BAN_S
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
        self._lag_s = max(self._lag_s, lateness_s)
        is_doubtful = lateness_s > self._timing.heartbeat_s
        if is_doubtful:
            self.peers.excuse(lateness_s, now)
        return is_doubtful

    def tick(self, now: float) -> None:
        """Dial what is due, send the heartbeat, move links whose time is up."""
        to_probe, in_vain = self._dialling.due(now)
        for address in in_vain:
            if self.peers.at(address) is None:
                self._outbox.do(HangUp(address))
        for address in (*to_probe, *self.peers.to_probe(now)):
            self._outbox.do(Probe(address))
        self._refusals.tick(now)
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + self._timing.heartbeat_s
            self._beat(now)
        self._banned = {node_id: until for node_id, until in self._banned.items() if until > now}
        for peer, cause in self.peers.check(now):
            if cause is Cause.OVERDUE:
                self._note_failure(peer)
                self._end(peer, cause, now, is_final=False)
            else:
                self._move(peer, cause, now)

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do, at the latest."""
        return min(self._next_heartbeat, self._dialling.next_at(), self.peers.next_at())

    # Inside

    def _beat(self, now: float) -> None:
        """Tell all peers that we live, on both ways on which they hear us."""
        lag_ms, self._lag_s = int(self._lag_s * 1000), 0.0
        if len(self.peers):
            named = self._gossip.for_heartbeat(self._linked(), now)
            self._outbox.tell_all(Kind.HEARTBEAT, {"lag_ms": lag_ms, "peers": [list(pair) for pair in named]})
        for peer in self.peers:
            if peer.is_up:
                wire = pack(node_topic(peer.node_id), Kind.PULSE, self._identity.node_id, 0, "", b"")
                self._outbox.do(Push(peer.pull, wire))

    def _greet(self, node_id: NodeId, greeting: Greeting, now: float) -> Peer:
        # Not every host of a peer need be reachable from here: each failed greeting goes on to the next.
        host = greeting.hosts[self._failures.get(node_id, 0) % len(greeting.hosts)]
        # A link-local address means nothing without the zone, which is ours to know.
        zoned = self._dialling.address_with_zone(node_id) if host.startswith("fe80:") else None
        pull = greeting.dialled if greeting.is_answer else zoned or address_of(host, greeting.pull)
        former = self.peers.at(pull)
        if former is not None:
            self.depart(former, now, "another process answers at its address")
        peer = Peer(
            node_id=node_id,
            role=greeting.role,
            pull=pull,
            pub=address_of(host_of(pull), greeting.pub),
            door=self._identity.door_of(greeting.cluster) or 0,
            our_link=self._dial_link,
            their_link=greeting.link,
            found_at=now,
            heard_at=now,
            patience_s=min(greeting.patience_ms / 1000, self._timing.patience_most_s),
        )
        self.peers.add(peer)
        self._dialling.answered(pull, node_id, now)
        self._move(peer, Cause.HELLO, now)
        self._barriers.await_first(node_id)
        self._outbox.do(Connect(peer.pub, peer.door))
        if node_id in self._subscribers:
            self.subscribed(node_topic(node_id), now)
        return peer

    def _note_failure(self, peer: Peer) -> None:
        """A handshake did not end: perhaps the host was wrong, unless a link to it was READY before."""
        if peer.was_ready:
            return
        if len(self._failures) >= self._config.limits.candidates:
            self._failures.clear()
        self._failures[peer.node_id] = self._failures.get(peer.node_id, 0) + 1

    def _note_answer(self, peer: Peer, dialled: str, now: float) -> None:
        """One of our dials was answered; an address that we do not use for that peer is hung up."""
        self._dialling.answered(dialled, peer.node_id, now)
        if peer.pull != dialled:
            self._outbox.do(HangUp(dialled))

    def _is_known_to(self, greeting: Greeting) -> bool:
        """Whether the sender is linked to us already, and only did not know who listens at one more address."""
        return any(named[0] == self._identity.node_id for named in greeting.peers)

    def _is_foreign(self, source: NodeId, payload: dict[str, Any]) -> bool:
        version, tag = payload.get("version"), payload.get("cluster")
        major = version[0] if isinstance(version, list) and version else None
        if major == PROTOCOL_MAJOR and self._identity.door_of(tag) is not None:
            return False
        if source not in self._refused and len(self._refused) < 1024:
            self._refused.add(source)
            if major != PROTOCOL_MAJOR:
                logger.warning(
                    "refused node %s: it speaks protocol %s and we speak %d; run the same major version everywhere",
                    short(source), major, PROTOCOL_MAJOR,
                )  # fmt: skip
            else:
                logger.warning(
                    "refused node %s: it is not of cluster %r with our secret; give both the same cluster and secret",
                    short(source), self._config.cluster,
                )  # fmt: skip
        return True

    def _hear_of(self, named: tuple[Named, ...], heard_from: str, now: float) -> None:
        for node_id, address, tag in named:
            door = self._identity.door_of(tag)
            is_new = node_id != self._identity.node_id and not self._is_linked(node_id)
            if is_new and door is not None and may_help(address, heard_from=heard_from):
                self._dialling.vouch(Candidate(address, node_id), now, door)
                self._outbox.call_by(now)

    def _linked(self) -> list[Named]:
        doors = self._identity.doors
        return [(peer.node_id, peer.pull, doors[peer.door].tag) for peer in self.peers if peer.is_up]

    def _greet_back(self, peer: Peer, *, answers: str | None = None) -> None:
        self._push_hello(peer.pull, peer.door, peer.our_link, peer.patience_s, answers=answers)

    def _push_hello(
        self, address: str, number: int, link: int, patience_s: float, *, answers: str | None = None
    ) -> None:
        """Greet whoever listens at *address*, as one who has the secret of our door *number*."""
        identity, door = self._identity, self._identity.doors[number]
        known = [named for named in self._linked() if named[1] != address]
        greeting = Greeting(
            cluster=door.tag,
            role=identity.role,
            link=link,
            hosts=identity.hosts,
            pull=door.pull,
            pub=door.pub,
            dialled=answers or address,
            is_answer=answers is not None,
            patience_ms=int(patience_s * 1000),
            peers=tuple(self._gossip.for_greeting(known)),
        )
        body = pack_control(greeting.to_payload())
        self._outbox.do(Push(address, pack(BROADCAST, Kind.HELLO, identity.node_id, 0, "", body), number))

    def _start_anew(self, peer: Peer, now: float) -> None:
        peer.start_anew()
        self._barriers.await_anew(peer.node_id, now)

    def _tell_synced(self, peer: Peer) -> None:
        if peer.is_echoed and peer.is_subscribed:
            self._outbox.tell(peer.node_id, Kind.SYNCED, {"mine": peer.our_link, "yours": peer.their_link})

    def _check_linked(self, peer: Peer, now: float) -> None:
        if peer.state is PeerState.GREETED and peer.is_subscribed and peer.is_echoed and peer.is_synced:
            self._failures.pop(peer.node_id, None)
            self._dialling.linked(peer.node_id)
            self._gossip.has_come(peer.node_id)
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
        self._outbox.call_by(self.peers.next_at())
        if cause is not Cause.HEARD or before is not peer.state:
            self._on_change(peer, before, now)

    def _is_linked(self, node_id: NodeId) -> bool:
        return self.peers.get(node_id) is not None

    def _renew(self, peer: Peer, cause: Cause, now: float) -> None:
        peer.our_link = self._new_link()
        self._move(peer, cause, now)
        self._start_anew(peer, now)
        self._greet_back(peer)

    def _new_link(self) -> int:
        return int.from_bytes(self._randoms(4), "big")
