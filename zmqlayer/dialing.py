"""
Dialling: which addresses to try, and when again. Pure; time is passed in.

A candidate is a hint from discovery, from a seed or from another peer. It is dialled at once, then with
doubling pauses and jitter until somebody answers who is a new peer. Seeds are tried like that for ever. What
discovery names is tried once a minute after the first minute, until it is taken back: mDNS keeps ghosts for over
an hour, but a network that was cut comes back. What a peer named ends a minute after it was last named; where a
link was, for ten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zmqlayer.candidates import Address, Candidates, take_turns
from zmqlayer.config import Timing
from zmqlayer.limits import Limits
from zmqlayer.names import NodeId
from zmqlayer.ports import Candidate

__all__ = ["Dialling"]

EAGER_S: Final = 60.0
"""How long after it was named an address is tried with short pauses, unless it is a seed."""

VOUCHED_S: Final = 60.0
FORMER_S: Final = 600.0
PARKED_PAUSE_S: Final = 60.0
MOST_OWN: Final = 64


class Dialling:
    """
    The candidates of one node, and when to dial them.

    Args:
        jitter: Returns a number from 0 to 1; pauses vary by half with it, so that nodes do not dial in step.
        known: Whether a link to a node lives; hints about such nodes wait.
    """

    def __init__(
        self, timing: Timing, limits: Limits, jitter: Callable[[], float], known: Callable[[NodeId], bool]
    ) -> None:
        self._timing = timing
        self._most_dials = limits.dials
        self._jitter = jitter
        self._known = known
        self._candidates = Candidates(limits.candidates, jitter)
        self._own: dict[str, None] = {}
        self._next_at: float | None = None

    def add(self, candidate: Candidate, now: float) -> None:
        """Note what discovery or a seed names. What is known already lives longer by it."""
        entry = self._note(candidate, now)
        if entry is not None and candidate.node_id is None:
            entry.seeds += 1
        elif entry is not None:
            entry.is_standing = True

    def vouch(self, candidate: Candidate, now: float) -> None:
        """Note what a peer names as an address of a peer of its own."""
        entry = self._note(candidate, now)
        if entry is not None:
            entry.vouched_until = max(entry.vouched_until, now + VOUCHED_S)

    def remember(self, candidate: Candidate, now: float) -> None:
        """Note where a link was that broke."""
        entry = self._note(candidate, now)
        if entry is not None:
            entry.vouched_until = max(entry.vouched_until, now + FORMER_S)

    def remove(self, candidate: Candidate, now: float) -> None:
        """Discovery took back what it named. Links that are up are not touched."""
        entry = self._candidates.get(candidate.address)
        if entry is None:
            return
        if candidate.node_id is None:
            entry.seeds = max(0, entry.seeds - 1)
        elif candidate.node_id == entry.node_id:
            entry.is_standing = False
        if not entry.is_alive(now) and not entry.is_dialled:
            self._candidates.remove(entry.text)

    def is_own(self, address: str) -> None:
        """We answered ourselves at *address*: never dial it again."""
        self._candidates.remove(address)
        if len(self._own) < MOST_OWN:
            self._own[address] = None

    def answered(self, address: str, node_id: NodeId) -> None:
        """*node_id* answered at *address*: no more dialling there while the link lives."""
        entry = self._candidates.get(address)
        if entry is not None:
            entry.answered, entry.attempts, entry.is_dialled = node_id, 0, False
            self._next_at = None

    def hung_up(self, node_id: NodeId, now: float, *, is_final: bool) -> None:
        """The link to *node_id* ended. Unless that is final its addresses are dialled again."""
        self._next_at = None
        for entry in self._candidates:
            if node_id != (entry.answered or entry.node_id):
                continue
            entry.answered, entry.is_dialled, entry.next_at = None, False, now + self._pause(entry, now)
            if is_final and not entry.seeds:
                self._candidates.remove(entry.text)

    def due(self, now: float) -> tuple[list[str], list[str]]:
        """Return (addresses to dial now, addresses whose dial nobody answered in time)."""
        if now < self.next_at():
            return [], []
        unanswered = [entry for entry in self._candidates if entry.is_dialled and entry.next_at <= now]
        for entry in unanswered:
            entry.is_dialled, entry.next_at = False, now + self._pause(entry, now)
        waiting = []
        for entry in self._candidates:
            if not entry.is_dialled and entry.next_at <= now and not entry.rests(self._known):
                if entry.is_alive(now):
                    waiting.append(entry)
                else:
                    self._candidates.remove(entry.text)
        chosen = take_turns(waiting, self._under_way(), self._most_dials)
        for entry in chosen:
            entry.is_dialled, entry.next_at = True, now + self._timing.dial_timeout_s
            entry.attempts += 1
        self._next_at = None
        return [entry.text for entry in chosen], [entry.text for entry in unanswered]

    def is_pending(self) -> bool:
        """Whether an address was not tried yet, or its first dial may still be answered."""
        return any(
            not entry.rests(self._known) and (entry.attempts == 0 or (entry.attempts == 1 and entry.is_dialled))
            for entry in self._candidates
        )

    def next_at(self) -> float:
        """Return when :meth:`due` has something to do, at the earliest."""
        if self._next_at is None:
            is_full = sum(not entry.seeds for entry in self._under_way()) >= self._most_dials
            times = [entry.next_at for entry in self._candidates if self._has_turn(entry, is_full)]
            self._next_at = min(times, default=float("inf"))
        return self._next_at

    def _note(self, candidate: Candidate, now: float) -> Address | None:
        if candidate.address in self._own:
            return None
        self._next_at = None
        entry = self._candidates.get(candidate.address)
        if entry is None:
            entry = self._candidates.add(candidate.address, candidate.node_id, now, self._known)
        elif candidate.node_id not in (None, entry.node_id):
            entry.node_id, entry.attempts = candidate.node_id, 0
            entry.next_at = entry.next_at if entry.is_dialled else now
        elif not entry.is_dialled and not entry.seeds and now - entry.named_at > EAGER_S:
            entry.next_at, entry.attempts = now, 0
        if entry is not None:
            entry.named_at = now
        return entry

    def _under_way(self) -> list[Address]:
        return [entry for entry in self._candidates if entry.is_dialled and not entry.rests(self._known)]

    def _has_turn(self, entry: Address, is_full: bool) -> bool:
        """Whether time alone moves an address on: while all dials are taken, only their ends and seeds count."""
        return entry.is_dialled or (not entry.rests(self._known) and (entry.seeds > 0 or not is_full))

    def _pause(self, entry: Address, now: float) -> float:
        longest = min(self._timing.redial_most_s, self._timing.redial_first_s * 2.0 ** min(entry.attempts, 16))
        if not entry.seeds and now - entry.named_at > EAGER_S:
            longest = PARKED_PAUSE_S
        return longest * (0.5 + self._jitter() / 2)
