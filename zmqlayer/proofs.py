"""
Proofs: which peers have not proven yet that a group's subscription is installed at them. Pure; time is passed in.

The first member of a group at a node subscribes to the group's topic and then to a *barrier*, a topic that nobody
used before. Each peer's XPUB reads the two in that order and publishes an echo on the second. Whoever adds a member
waits for those echoes, but not for ever; a peer that owes one still owes it after the wait, so that the next
member of the group does not take it for proven.

A link that starts anew proves all that was subscribed before it: its own barrier (``barriers.py``) comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from zmqlayer.names import NodeId
from zmqlayer.rollcalls import RollCall, RollCalls

__all__ = ["Proofs"]


@dataclass(slots=True)
class _Barrier:
    """One subscription that is not proven everywhere: the barrier's topic, and who has not echoed it."""

    topic: bytes
    group: str
    owing: set[NodeId]


class Proofs:
    """The unproven groups of one node. Methods that end barriers return their topics, to be unsubscribed."""

    def __init__(self) -> None:
        self._by_group: dict[str, _Barrier] = {}
        self._by_topic: dict[bytes, _Barrier] = {}
        self._relinking: dict[NodeId, set[str]] = {}
        self._calls = RollCalls()

    def __len__(self) -> int:
        return len(self._by_group)

    def open(self, group: str, topic: bytes, peers: Collection[NodeId]) -> None:
        """Note that *group* was subscribed and then the barrier *topic*: each of *peers* owes an echo."""
        self._by_group[group] = self._by_topic[topic] = _Barrier(topic, group, set(peers))

    def is_proven(self, group: str) -> bool:
        """Whether every peer is known to send us the messages of *group*."""
        return group not in self._by_group

    def wait(
        self, group: str, peers: Collection[NodeId], deadline: float, done: Callable[[RollCall | None], None]
    ) -> None:
        """Call *done* when those of *peers* that owe an echo for *group* gave it, or at *deadline*; with None at once
        if none of them does."""
        call = self._calls.get(group)
        if call is not None:
            call.done.append(done)
            return
        barrier = self._by_group.get(group)
        owing = barrier.owing.intersection(peers) if barrier is not None else ()
        if owing:
            self._calls.open(group, owing, deadline, done)
        else:
            done(None)

    def echo(self, topic: bytes, peer: NodeId) -> list[bytes]:
        """A peer echoed a barrier; one that is not ours is ignored."""
        barrier = self._by_topic.get(topic)
        return self._prove(barrier, peer) if barrier is not None else []

    def restarted(self, peer: NodeId) -> None:
        """The link to *peer* starts anew: when it is up again, all that was subscribed until now is proven by that."""
        owed = {barrier.group for barrier in self._by_group.values() if peer in barrier.owing}
        if owed:
            self._relinking[peer] = owed

    def linked(self, peer: NodeId) -> list[bytes]:
        """The link to *peer* is up."""
        barriers = [self._by_group.get(group) for group in self._relinking.pop(peer, ())]
        return [topic for barrier in barriers if barrier is not None for topic in self._prove(barrier, peer)]

    def gone(self, peer: NodeId) -> list[bytes]:
        """*peer* is gone: it owes nothing any more, and nobody waits for it."""
        self._relinking.pop(peer, None)
        owed = [barrier for barrier in self._by_group.values() if peer in barrier.owing]
        self._calls.excuse(peer)
        return [topic for barrier in owed for topic in self._settle(barrier, peer)]

    def forget(self, group: str) -> list[bytes]:
        """*group* is not subscribed any more."""
        barrier = self._by_group.get(group)
        if barrier is None:
            return []
        for peer in list(barrier.owing):
            self._calls.excuse_from(group, peer)
        self._remove(barrier)
        return [barrier.topic]

    def tick(self, now: float) -> set[NodeId]:
        """End the waits whose time is up. Returns the peers that did not echo in time."""
        return self._calls.tick(now)

    def next_at(self) -> float:
        """Return the earliest end of a wait, or infinity."""
        return self._calls.next_at()

    def _prove(self, barrier: _Barrier, peer: NodeId) -> list[bytes]:
        ended = self._settle(barrier, peer)
        self._calls.answer(barrier.group, peer)
        return ended

    def _settle(self, barrier: _Barrier, peer: NodeId) -> list[bytes]:
        barrier.owing.discard(peer)
        if barrier.owing or self._by_topic.get(barrier.topic) is not barrier:
            return []
        self._remove(barrier)
        return [barrier.topic]

    def _remove(self, barrier: _Barrier) -> None:
        del self._by_group[barrier.group], self._by_topic[barrier.topic]
