"""
Reception: what becomes of a frame that arrives. Sans-I/O; used by ``mesh.py`` only.

Nothing that a peer sends raises out of here: it is counted, logged once, and the link is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from zmqlayer.accounts import Accounts
from zmqlayer.counters import Counters
from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import (
    BROADCAST,
    Frame,
    Kind,
    Work,
    node_topic,
    pack_work,
    pack_work_batch,
    parse,
    parse_batch,
    parse_work_batch,
)
from zmqlayer.journal import Journal
from zmqlayer.links import Links
from zmqlayer.names import NodeId, short
from zmqlayer.peers import Peer

__all__ = ["Reception"]

DIRECT, WORK, BATCH, WORK_BATCH = Kind.DIRECT, Kind.WORK, Kind.BATCH, Kind.WORK_BATCH  # faster than a member
FIRST_WORDS: Final = frozenset((Kind.HELLO, Kind.REFUSAL))
"""What nodes say that are no peers yet."""

LAST_SEQUENCE: Final = 2**62
"""More than any node sends, and small enough for every report."""

COUNTED: Final = frozenset((Kind.DIRECT, Kind.WORK, Kind.RETURN))
"""Messages from one node to another; they bear a sequence. Those of groups count where their members are."""


class Reception:
    """
    Where all frames for one node arrive.

    Args:
        receivers: The part of the mesh that takes frames of a kind from a peer.
        batch: Takes the messages of a BATCH frame.
        work_batch: Takes those of a WORK_BATCH frame, as :func:`parse_work_batch` returns them.
    """

    def __init__(
        self, node_id: NodeId, links: Links, accounts: Accounts, counters: Counters, journal: Journal,
        receivers: Mapping[int, Callable[[Frame, Peer, float], object]],
        batch: Callable[[Frame, Sequence[bytes], float], None],
        work_batch: Callable[[Frame, Peer, Work, float], None],
    ) -> None:  # fmt: skip
        self._links = links
        self._accounts = accounts
        self._counters = counters
        self._journal = journal
        self._receivers = receivers
        self._batch = batch
        self._work_batch = work_batch
        self._topics = frozenset((BROADCAST, node_topic(node_id)))
        self._has_warned_of_strangers = False

    def receive(self, wire: bytes, now: float, age_s: float = 0.0) -> None:
        """A frame arrived, and may have waited for *age_s* seconds."""
        try:
            frame = parse(wire)
        except ProtocolError as exc:
            self.malformed(None, exc, now)
            return
        arrived = self._counters.arrived
        try:
            self._take_in(_aged(frame, int(age_s * 1000)) if age_s else frame, now)
        except ProtocolError as exc:
            if spoiled := self._counters.arrived - arrived:
                self._counters.dropped["malformed"] += spoiled  # the log names the fault itself
                self._counters.dropped_by_peer[frame.source, "malformed"] += spoiled
            self.malformed(frame.source, exc, now)

    def malformed(self, source: NodeId | None, fault: ProtocolError, now: float) -> None:
        """A peer broke the protocol: count it, and if we know who it was, end the link for a minute."""
        self._counters.malformed += 1
        peer = self._links.peers.get(source) if source is not None else None
        if peer is not None:
            self._journal.warning("closed the link to %s %s: %s", peer.role, short(peer.node_id), fault)
            self._links.ban(peer, now, "it broke the protocol")
        elif not self._has_warned_of_strangers:
            self._has_warned_of_strangers = True
            self._journal.warning(
                "ignored a malformed frame from an unknown sender: %s; further ones are only counted", fault
            )

    def _take_in(self, frame: Frame, now: float) -> None:
        """
        Give a frame to the part that it is for.

        Raises:
            ProtocolError: Its sender broke the protocol.
        """
        if frame.kind in FIRST_WORDS:
            (self._links.hello if frame.kind == Kind.HELLO else self._links.rejected)(frame, now)
            return
        peer = self._links.peers.get(frame.source)
        if peer is None:
            self._counters.ignored += _messages_in(frame)
            return
        if frame.sequence > LAST_SEQUENCE:
            raise ProtocolError(f"it says that it sent {frame.sequence} messages")
        self._links.heard(peer, frame.kind, now)
        if frame.kind == BATCH:
            self._take_in_batch(frame, peer, now)
            return
        if frame.kind == WORK_BATCH:
            self._take_in_work(frame, peer, now)
            return
        receiver = self._receivers.get(frame.kind)
        if receiver is not None and (frame.kind not in COUNTED or self._is_next(frame, peer, now)):
            receiver(frame, peer, now)

    def _take_in_batch(self, frame: Frame, peer: Peer, now: float) -> None:
        """Give on the messages of a frame: all at once if nothing is wrong with any, as it nearly always is."""
        bodies = parse_batch(frame.body)
        if frame.topic in self._topics and self._accounts.batch_arrived(frame, bodies):
            self._batch(frame, bodies, now)
            return
        numbered = enumerate(bodies, frame.sequence)
        singles = (frame._replace(kind=DIRECT, body=body, sequence=sequence) for sequence, body in numbered)
        self._take_in_each(singles, peer, now)

    def _take_in_work(self, frame: Frame, peer: Peer, now: float) -> None:
        """The same for a frame that was pushed."""
        work = parse_work_batch(frame.body)
        if frame.topic in self._topics and self._accounts.batch_arrived(frame, [body for _, _, body in work.items]):
            self._work_batch(frame, peer, work, now)
            return
        singles = (
            frame._replace(
                kind=WORK, ttl_ms=ttl_ms, body=pack_work(work.link, work.reader, number, message), sequence=n
            )
            for n, (number, ttl_ms, message) in enumerate(work.items, frame.sequence)
        )
        self._take_in_each(singles, peer, now)

    def _take_in_each(self, singles: Iterable[Frame], peer: Peer, now: float) -> None:
        """Take in messages as if each had come in a frame of its own."""
        for single in singles:
            if self._is_next(single, peer, now):
                self._receivers[single.kind](single, peer, now)

    def _is_next(self, frame: Frame, peer: Peer, now: float) -> bool:
        """Whether a message is to be taken in: neither for a former process at this port, nor late, nor too much."""
        if frame.topic not in self._topics:
            self._counters.ignored += 1
            return False
        if not self._accounts.arrived(frame, now):
            return False
        if frame.kind == WORK and self._accounts.of(frame.source).work.gaps:
            self._links.renew(peer, now)  # its connection broke and came back by itself: credit went with it
        return True


def _aged(frame: Frame, age_ms: int) -> Frame:
    """
    Return a frame whose messages have lived so much longer.

    Raises:
        ProtocolError: Its body is malformed.
    """
    if frame.kind != WORK_BATCH:
        return frame._replace(ttl_ms=max(0, frame.ttl_ms - age_ms))
    work = parse_work_batch(frame.body)
    items = [(number, max(0, ttl_ms - age_ms), body) for number, ttl_ms, body in work.items]
    return frame._replace(body=pack_work_batch(work._replace(items=items))) if items else frame


def _messages_in(frame: Frame) -> int:
    if frame.kind == BATCH:
        return len(parse_batch(frame.body))
    return len(parse_work_batch(frame.body).items) if frame.kind == WORK_BATCH else int(frame.kind in COUNTED)
