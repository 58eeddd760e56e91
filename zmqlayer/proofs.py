"""
Proofs: which peers have not proven yet that a group's subscription is installed at them. Pure; time is passed in.

The first member of a group at a node subscribes to the group's topic and then to a *barrier*, a topic that nobody
used before. Each peer's XPUB reads the two in that order and publishes an echo on the second. Whoever adds a member
waits for those echoes, but not for ever; a peer that owes one still owes it after the wait, so that the next
member of the group does not take it for proven. For that one the barrier is raised anew: an echo can be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from zmqlayer.names import NodeId
from zmqlayer.rollcalls import RollCall, RollCalls

__all__ = ["Proofs"]


@dataclass(slots=True)
class _Unproven:
    """One group: who owes the echo of its barrier, and that barrier's topic once it is raised."""

    group: str
    owing: set[NodeId]
    topic: bytes = b""


class Proofs:
    """The unproven groups of one node. Methods that end barriers return their topics, to be unsubscribed."""

    def __init__(self) -> None:
        self._by_group: dict[str, _Unproven] = {}
        self._by_topic: dict[bytes, _Unproven] = {}
        self._calls = RollCalls()

    def __len__(self) -> int:
        return len(self._by_group)

    def open(self, group: str, peers: Collection[NodeId]) -> None:
        """Note that *group* was subscribed: each of *peers* owes the echo of a barrier behind it."""
        self._by_group[group] = _Unproven(group, set(peers))

    def raised(self, group: str, topic: bytes) -> list[bytes]:
        """Note that a barrier was raised for an unproven group, in place of one that there was."""
        unproven = self._by_group[group]
        former, unproven.topic = unproven.topic, topic
        self._by_topic[topic] = unproven
        return self._drop(former)

    def is_proven(self, group: str) -> bool:
        """Whether every peer is known to send us the messages of *group*."""
        return group not in self._by_group

    def is_awaited(self, group: str) -> bool:
        """Whether somebody waits for the proof of *group*."""
        return self._calls.get(group) is not None

    def wait(
        self, group: str, peers: Collection[NodeId], deadline: float, done: Callable[[RollCall | None], None]
    ) -> None:
        """Call *done* when those of *peers* that owe an echo for *group* gave it, or at *deadline*; with None at once
        if none of them does."""
        call = self._calls.get(group)
        if call is not None:
            call.done.append(done)
            return
        unproven = self._by_group.get(group)
        owing = unproven.owing.intersection(peers) if unproven is not None else ()
        if owing:
            self._calls.open(group, owing, deadline, done)
        else:
            done(None)

    def echo(self, topic: bytes, peer: NodeId) -> list[bytes]:
        """A peer echoed a barrier; one that is not ours is ignored."""
        unproven = self._by_topic.get(topic)
        if unproven is None:
            return []
        ended = self._settle(unproven, peer)
        self._calls.answer(unproven.group, peer)
        return ended

    def gone(self, peer: NodeId) -> list[bytes]:
        """*peer* is gone: it owes nothing any more, and nobody waits for it."""
        owed = [unproven for unproven in self._by_group.values() if peer in unproven.owing]
        ended = [topic for unproven in owed for topic in self._settle(unproven, peer)]
        self._calls.excuse(peer)
        return ended

    def forget(self, group: str) -> list[bytes]:
        """*group* is not subscribed any more."""
        unproven = self._by_group.pop(group, None)
        if unproven is None:
            return []
        for peer in unproven.owing:
            self._calls.excuse_from(group, peer)
        return self._drop(unproven.topic)

    def tick(self, now: float) -> set[NodeId]:
        """End the waits whose time is up. Returns the peers that did not echo in time."""
        return self._calls.tick(now)

    def next_at(self) -> float:
        """Return the earliest end of a wait, or infinity."""
        return self._calls.next_at()

    def _settle(self, unproven: _Unproven, peer: NodeId) -> list[bytes]:
        unproven.owing.discard(peer)
        if unproven.owing:
            return []
        self._by_group.pop(unproven.group, None)
        return self._drop(unproven.topic)

    def _drop(self, topic: bytes) -> list[bytes]:
        return [topic] if self._by_topic.pop(topic, None) is not None else []
