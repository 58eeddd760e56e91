"""
Dialling: which addresses to try, and when again. Pure; time is passed in.

A candidate is a hint from discovery, from a seed or from another peer. It is dialled at once, then with
doubling pauses and jitter until somebody answers who is a new peer. Seeds are tried for ever; other hints
end a minute after they were last named, because mDNS keeps ghosts for over an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zmqlayer.config import Timing
from zmqlayer.names import NodeId
from zmqlayer.ports import Candidate

__all__ = ["Dialling"]

HINT_LIVES_S: Final = 60.0


@dataclass(slots=True)
class _Entry:
    """
    One address.

    Attributes:
        ends_at: When the hint is forgotten, or None for a seed.
        next_at: When to dial next.
        attempts: Dials since the last answer.
        answered: Who answered last, while that link lives.
    """

    node_id: NodeId | None
    ends_at: float | None
    next_at: float
    attempts: int = 0
    is_dialled: bool = False
    answered: NodeId | None = None


class Dialling:
    """
    The candidates of one node.

    Args:
        most: Addresses that are kept.
        jitter: Returns a number from 0 to 1; pauses vary by half with it, so that nodes do not dial in step.
    """

    def __init__(self, timing: Timing, most: int, jitter: Callable[[], float]) -> None:
        self._timing = timing
        self._most = most
        self._jitter = jitter
        self._entries: dict[str, _Entry] = {}
        self._own: set[str] = set()

    def add(self, candidate: Candidate, now: float) -> None:
        """Note a hint. One that is known already lives longer by it; beyond the bound it is ignored."""
        entry = self._entries.get(candidate.address)
        ends_at = None if candidate.node_id is None else now + HINT_LIVES_S
        if entry is not None:
            entry.ends_at = None if entry.ends_at is None else ends_at
            if candidate.node_id is not None and candidate.node_id != entry.node_id:
                entry.node_id, entry.next_at, entry.attempts = candidate.node_id, now, 0
        elif len(self._entries) < self._most and candidate.address not in self._own:
            self._entries[candidate.address] = _Entry(candidate.node_id, ends_at, now)

    def remove(self, candidate: Candidate) -> None:
        """The source took a hint back. Links that are up are not touched; seeds stay."""
        entry = self._entries.get(candidate.address)
        if entry is not None and entry.ends_at is not None and entry.node_id == candidate.node_id:
            del self._entries[candidate.address]

    def is_own(self, address: str) -> None:
        """We answered ourselves at *address*: never dial it again."""
        self._entries.pop(address, None)
        self._own.add(address)

    def answered(self, address: str, node_id: NodeId) -> None:
        """*node_id* answered at *address*: no more dialling there while the link lives."""
        entry = self._entries.get(address)
        if entry is not None:
            entry.answered, entry.attempts, entry.is_dialled = node_id, 0, False

    def hung_up(self, node_id: NodeId, now: float, *, is_final: bool) -> None:
        """The link to *node_id* ended. Unless that is final its addresses are dialled again."""
        for address, entry in list(self._entries.items()):
            if node_id != (entry.answered or entry.node_id):
                continue
            entry.answered, entry.is_dialled, entry.next_at = None, False, now + self._pause(entry)
            if is_final and entry.ends_at is not None:
                del self._entries[address]

    def due(self, now: float, known: Callable[[NodeId], bool]) -> tuple[list[str], list[str]]:
        """
        Return (addresses to dial now, addresses whose dial nobody answered in time).

        Args:
            known: Whether a link to a node lives; hints about such nodes wait.
        """
        to_dial, unanswered = [], []
        for address, entry in list(self._entries.items()):
            if entry.next_at > now or _rests(entry, known):
                continue
            if entry.is_dialled:
                entry.is_dialled, entry.next_at = False, now + self._pause(entry)
                unanswered.append(address)
            elif entry.ends_at is not None and entry.ends_at <= now:
                del self._entries[address]
            else:
                entry.is_dialled, entry.next_at = True, now + self._timing.dial_timeout_s
                entry.attempts += 1
                to_dial.append(address)
        return to_dial, unanswered

    def is_pending(self, known: Callable[[NodeId], bool]) -> bool:
        """Whether an address was not tried yet, or its first dial may still be answered."""
        return any(
            not _rests(entry, known) and (entry.attempts == 0 or (entry.attempts == 1 and entry.is_dialled))
            for entry in self._entries.values()
        )

    def next_at(self, known: Callable[[NodeId], bool]) -> float:
        """Return when :meth:`due` has something to do, at the earliest."""
        return min((e.next_at for e in self._entries.values() if not _rests(e, known)), default=float("inf"))

    def _pause(self, entry: _Entry) -> float:
        longest = min(self._timing.redial_most_s, self._timing.redial_first_s * 2.0 ** min(entry.attempts, 16))
        return longest * (0.5 + self._jitter() / 2)


def _rests(entry: _Entry, known: Callable[[NodeId], bool]) -> bool:
    """Whether there is no need to dial: somebody answered there, or who is said to be there is linked already."""
    return entry.answered is not None or (entry.node_id is not None and known(entry.node_id))
