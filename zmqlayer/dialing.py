"""
Dialling: which addresses to try, and when again. Pure; time is passed in.

A candidate is a hint from discovery, from a seed or from another peer. It is dialled at once, then with
doubling pauses and jitter until somebody answers who is a new peer. Seeds are tried like that for ever. What
discovery names is tried once a minute after the first minute, until it is taken back: mDNS keeps ghosts for over
an hour, but a network that was cut comes back. What a peer named ends a minute after it was last named; where a
link was, for ten, with short pauses, unless its host refuses.

A dial has two steps::

    probe ── accepted ──► greeting ── HELLO answer ──► no dial while the link lives
      │ refused, or silence for dial_timeout_s │ no answer for as long as it is patient
      └────────────────── pause ◄──────────────┘   or none of our secrets was taken

A probe is cheap and begins anew often, so that a network that heals is noticed. A greeting needs a dozen round
trips before its answer comes, so that patience grows with what the probe took, and with every greeting in vain.

Only a few nodes are met at a time, whoever dials, since each keeps the processors of both sides busy for
milliseconds: a hundred nodes that start together on one machine would else be so busy with each other that none is
done in time. What takes long holds up no other, so that addresses where nothing answers, and processes that hang,
delay little.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from zmqlayer.candidates import Address, Candidates, take_turns
from zmqlayer.config import Timing
from zmqlayer.journal import Journal
from zmqlayer.limits import Limits
from zmqlayer.names import NodeId
from zmqlayer.ports import Candidate

__all__ = ["Dialling"]

EAGER_S: Final = 60.0
"""How long after it was named an address is tried with short pauses, unless it is a seed."""

VOUCHED_S: Final = 60.0
FORMER_S: Final = 600.0
PARKED_PAUSE_S: Final = 60.0
SHUNNED_PAUSE_S: Final = 60.0

ROUND_TRIPS: Final = 16
"""What a whole handshake takes with CURVE: five for each connection of ZeroMQ, and two for each side's proof."""

MOST_OWN: Final = 64


class Dialling:
    """
    The candidates of one node, and when to dial them.

    Args:
        jitter: Returns a number from 0 to 1; pauses vary by half with it, so that nodes do not dial in step.
        known: Whether a link to a node lives; hints about such nodes wait.
        meeting: Returns when each link that is coming up began to, whoever dialled.
        n_doors: How many doors, and so secrets, this node has.
    """

    def __init__(
        self, timing: Timing, limits: Limits, journal: Journal, jitter: Callable[[], float],
        known: Callable[[NodeId], bool],
        meeting: Callable[[], Collection[float]] = tuple, n_doors: int = 1,
    ) -> None:  # fmt: skip
        self._timing = timing
        self._most_dials = limits.dials
        self._jitter = jitter
        self._known = known
        self._meeting = meeting
        self._n_doors = n_doors
        self._candidates = Candidates(limits.candidates, jitter, journal)
        self._own: dict[str, None] = {}
        self._next_at: float | None = None

    def add(self, candidate: Candidate, now: float, door: int | None = None) -> None:
        """
        Note what discovery or a seed names. What is known already lives longer by it.

        Args:
            door: The door of ours whose secret fits, or None if the source does not know.
        """
        entry = self._note(candidate, now)
        if entry is None:
            return
        if candidate.node_id is None:
            entry.seeds += 1
        else:
            entry.is_standing = True
        self._choose_door(entry, door)

    def vouch(self, candidate: Candidate, now: float, door: int | None = None) -> None:
        """Note what a peer names as an address of a peer of its own, with the door of ours whose secret fits."""
        entry = self._note(candidate, now)
        if entry is not None:
            entry.vouched_until = max(entry.vouched_until, now + VOUCHED_S)
            self._choose_door(entry, door)

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

    def address_with_zone(self, node_id: NodeId) -> str | None:
        """Return the address of a node that discovery named with a zone of this machine (``fe80::1%2``), if any."""
        named = (entry.text for entry in self._candidates if entry.node_id == node_id and "%" in entry.host)
        return next(named, None)

    def hurry(self, now: float) -> None:
        """The network is another: dial now whatever waits for its next turn."""
        self._next_at = None
        for entry in self._candidates:
            if not entry.is_dialled:
                entry.next_at, entry.attempts = now, 0

    def is_own(self, address: str) -> None:
        """We answered ourselves at *address*: never dial it again."""
        self._candidates.remove(address)
        if len(self._own) < MOST_OWN:
            self._own[address] = None

    def accepted(self, address: str, now: float) -> float | None:
        """Somebody listens at *address*. Returns how long to wait for an answer, in seconds; None: do not greet."""
        entry = self._candidates.get(address)
        if entry is None or not entry.is_dialled or entry.is_greeted:
            return None
        patience_s = self._patience(entry, now)
        entry.is_greeted, entry.next_at = True, now + patience_s
        self._next_at = None
        return patience_s

    def door_for(self, address: str) -> int:
        """Return with which door's secret to greet *address* now."""
        entry = self._candidates.get(address)
        return entry.turn if entry is not None else 0

    def denied(self, address: str, now: float) -> bool:
        """Whoever listens at *address* did not take the secret. Returns whether to greet it with the next one."""
        entry = self._candidates.get(address)
        if entry is None or not entry.is_greeted:
            return False
        entry.denials += 1
        self._take_turn(entry)
        if entry.denials % self._choices(entry):
            entry.next_at = now + self._timing.dial_timeout_s
            self._next_at = None
            return True
        self._pause(entry, now)
        return False

    def is_denied(self, address: str) -> bool:
        """Whether every secret was denied at *address*, and not for the first time: a process that ends does so too."""
        entry = self._candidates.get(address)
        return entry is not None and entry.denials >= 2 * self._choices(entry)

    def refused(self, address: str, now: float) -> None:
        """Nobody listens at *address*. Where a link was, its process is gone: a minute of hope is enough."""
        entry = self._candidates.get(address)
        if entry is not None and entry.is_dialled and not entry.is_greeted:
            entry.vouched_until = min(entry.vouched_until, now + VOUCHED_S)
            entry.denials = 0
            self._pause(entry, now)

    def is_greeted(self, address: str) -> bool:
        """Whether a greeting was sent to *address* and may still be answered."""
        entry = self._candidates.get(address)
        return entry is not None and entry.is_greeted

    def answered(self, address: str, node_id: NodeId, now: float) -> None:
        """*node_id* answered at *address*: no more dialling there while the link lives."""
        entry = self._candidates.get(address)
        if entry is not None:
            entry.took_s = now - entry.began_at if entry.is_greeted else entry.took_s
            entry.answered, entry.is_dialled, entry.is_greeted, entry.denials = node_id, False, False, 0
            self._next_at = None

    def shunned(self, address: str, now: float) -> None:
        """Whoever listens at *address* wants no link with us: it is long before we ask again."""
        entry = self._candidates.get(address)
        if entry is not None:
            self._pause(entry, now)
            entry.next_at = now + SHUNNED_PAUSE_S

    def linked(self, node_id: NodeId) -> None:
        """The link to *node_id* is READY: what failed before is forgotten."""
        for entry in self._candidates:
            if node_id == (entry.answered or entry.node_id):
                entry.attempts = entry.in_vain = 0

    def met(self) -> None:
        """A link has come up, or will not: the next one may."""
        self._next_at = None

    def hung_up(self, node_id: NodeId, now: float, *, is_final: bool, was_ready: bool) -> None:
        """The link to *node_id* ended. Unless that is final its addresses are dialled again."""
        self._next_at = None
        for entry in self._candidates:
            if node_id != (entry.answered or entry.node_id):
                continue
            entry.answered = None
            if was_ready and not is_final:
                entry.lost_at = now
            entry.in_vain += not was_ready
            if is_final:
                entry.is_standing, entry.vouched_until = False, float("-inf")
            if entry.is_dialled:
                continue
            self._pause(entry, now)
            if is_final and not entry.seeds:
                self._candidates.remove(entry.text)

    def due(self, now: float) -> tuple[list[str], list[str]]:
        """Return (addresses to probe now, addresses whose dial nobody answered in time)."""
        if now < self.next_at():
            return [], []
        unanswered = [entry for entry in self._candidates if entry.is_dialled and entry.next_at <= now]
        for entry in unanswered:
            entry.in_vain += entry.is_greeted
            entry.denials = 0
            self._take_turn(entry)
            self._pause(entry, now)
        waiting = []
        for entry in self._candidates:
            if not entry.is_dialled and entry.next_at <= now and not entry.rests(self._known):
                if entry.is_alive(now):
                    waiting.append(entry)
                else:
                    self._candidates.remove(entry.text)
        recent = [entry for entry in self._under_way() if now < self._holds_until(entry.began_at)]
        chosen = take_turns(waiting, recent, self._most_dials - sum(now < until for until in self._held()))
        for entry in chosen:
            entry.is_dialled, entry.began_at, entry.next_at = True, now, now + self._timing.dial_timeout_s
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
            dials = [self._holds_until(entry.began_at) for entry in self._under_way() if not entry.seeds]
            ends = sorted([*dials, *self._held()])
            free_at = ends[-self._most_dials] if len(ends) >= self._most_dials else float("-inf")
            entries = [entry for entry in self._candidates if entry.is_dialled or not entry.rests(self._known)]
            times = (
                entry.next_at if entry.is_dialled or entry.seeds else max(entry.next_at, free_at) for entry in entries
            )
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
            entry.node_id, entry.attempts, entry.in_vain = candidate.node_id, 0, 0
            entry.next_at = entry.next_at if entry.is_dialled else now
        elif not entry.is_dialled and not entry.seeds and now - entry.named_at > EAGER_S:
            entry.next_at, entry.attempts = now, 0
        if entry is not None:
            entry.named_at = now
        return entry

    def _choose_door(self, entry: Address, door: int | None) -> None:
        if entry.seeds and entry.door is not None:
            entry.door, entry.denials = None, 0  # what listens at a fixed address may change its secret
        elif door is not None and not entry.seeds:
            entry.door = entry.turn = door

    def _choices(self, entry: Address) -> int:
        return self._n_doors if entry.door is None else 1

    def _take_turn(self, entry: Address) -> None:
        if entry.door is None:
            entry.turn = (entry.turn + 1) % self._n_doors

    def _under_way(self) -> list[Address]:
        return [entry for entry in self._candidates if entry.is_dialled and not entry.rests(self._known)]

    def _holds_until(self, began_at: float) -> float:
        """Return until when a dial, or a link that is coming up, keeps others waiting."""
        return began_at + self._timing.dial_timeout_s

    def _held(self) -> list[float]:
        """Return until when links that are coming up keep dials waiting: all but one, whoever greets us how often."""
        held = sorted(map(self._holds_until, self._meeting()))
        return held[max(0, len(held) - self._most_dials + 1) :]

    def _pause(self, entry: Address, now: float) -> None:
        """Begin the pause after a dial, or after a link."""
        timing, lost_s = self._timing, now - entry.lost_at
        most_s = timing.redial_lost_s if lost_s < EAGER_S else timing.redial_most_s
        longest_s = min(most_s, timing.redial_first_s * 2.0 ** min(entry.attempts, 16))
        if not entry.seeds and now - entry.named_at > EAGER_S and lost_s > FORMER_S:
            longest_s = PARKED_PAUSE_S
        entry.is_dialled = entry.is_greeted = False
        entry.next_at = now + longest_s * (0.5 + self._jitter() / 2)
        self._next_at = None

    def _patience(self, entry: Address, now: float) -> float:
        timing = self._timing
        expected_s = max(timing.dial_timeout_s + ROUND_TRIPS * (now - entry.began_at), 2 * entry.took_s)
        if now - entry.lost_at >= EAGER_S:
            expected_s *= 2.0 ** min(entry.in_vain, 16)
        return min(expected_s, timing.patience_most_s)
