"""
Roll calls: a question to several peers, and who still owes the answer. Pure; time is passed in.

Barriers and requests between nodes are both roll calls. A peer that goes away owes nothing any more, so
a roll call never waits for the dead; one that only stays silent is named when time is up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from zmqlayer.names import NodeId

__all__ = ["RollCall", "RollCalls"]


@dataclass(slots=True)
class RollCall:
    """
    One question.

    Attributes:
        key: Names it: a barrier's topic, or a request's number.
        done: Called when it is over: all answered, or time is up and ``missing`` says who did not.
        missing: Who has not answered.
        answers: What the others said.
        deadline: Monotonic seconds.
    """

    key: Hashable
    done: list[Callable[[RollCall], None]]
    missing: set[NodeId]
    deadline: float
    answers: dict[NodeId, object] = field(default_factory=dict)


class RollCalls:
    """The open questions of one kind."""

    def __init__(self) -> None:
        self._calls: dict[Hashable, RollCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def open(
        self, key: Hashable, peers: Iterable[NodeId], deadline: float, done: Callable[[RollCall], None]
    ) -> RollCall:
        """Begin a roll call of *peers*, of which there must be at least one."""
        call = self._calls[key] = RollCall(key, [done], set(peers), deadline)
        return call

    def get(self, key: Hashable) -> RollCall | None:
        """Return an open roll call."""
        return self._calls.get(key)

    def owed_by(self, peer: NodeId) -> list[Hashable]:
        """Return the keys of the roll calls that *peer* has not answered."""
        return [key for key, call in self._calls.items() if peer in call.missing]

    def answer(self, key: Hashable, peer: NodeId, answer: object = None) -> None:
        """Note one answer; one that nobody waits for is ignored."""
        call = self._calls.get(key)
        if call is not None and peer in call.missing:
            call.missing.discard(peer)
            call.answers[peer] = answer
            self._close_if_complete(call)

    def excuse(self, peer: NodeId) -> None:
        """*peer* is gone: nobody waits for it any more."""
        for key in self.owed_by(peer):
            self.excuse_from(key, peer)

    def excuse_from(self, key: Hashable, peer: NodeId) -> None:
        """Nobody waits for the answer of *peer* to one roll call any more."""
        call = self._calls.get(key)
        if call is not None and peer in call.missing:
            call.missing.discard(peer)
            self._close_if_complete(call)

    def tick(self, now: float) -> set[NodeId]:
        """Close the roll calls whose time is up. Returns the peers that did not answer."""
        late = [call for call in self._calls.values() if call.deadline <= now]
        for call in late:
            if self._calls.get(call.key) is call:  # else a callback before closed it
                self._close(call)
        return {peer for call in late for peer in call.missing}

    def next_at(self) -> float:
        """Return the earliest deadline, or infinity."""
        return min((call.deadline for call in self._calls.values()), default=float("inf"))

    def _close_if_complete(self, call: RollCall) -> None:
        if not call.missing:
            self._close(call)

    def _close(self, call: RollCall) -> None:
        del self._calls[call.key]
        for done in call.done:
            done(call)
