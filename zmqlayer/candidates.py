"""
Candidates: the addresses that a node was told of, in a table with a bound, and whose turn it is. Pure.

Anyone on the network can announce nodes that do not exist. So an address is worth what its source is worth: a
seed is kept for ever; what a peer vouches for is dialled before what mDNS says; and hints take turns by host, the
least tried and the latest first, so that a flood of invented nodes delays a real one little and never keeps it
out. When the table is full the addresses that were tried in vain go first. ``dialing.py`` decides when.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from zmqlayer.greetings import host_of
from zmqlayer.journal import Journal
from zmqlayer.names import NodeId

__all__ = ["Address", "Candidates", "take_turns"]

PRUNED_SHARE: Final = 4


@dataclass(slots=True, kw_only=True)
class Address:
    """
    One address where a node may listen.

    Attributes:
        text: ``tcp://host:port``.
        host: Its host; addresses of one host share their turns.
        number: The how-manieth address of this node's life it is.
        node_id: Who is said to listen there, if anybody said.
        next_at: When to dial next, or, while it is dialled, when that was in vain.
        seeds: How many seeds stand for it.
        is_standing: Discovery named it and has not taken it back.
        named_at: When it was last named.
        vouched_until: Until when a peer's word, or a link that was, keeps it.
        lost_at: When a link that was READY there ended.
        attempts: Dials since the last link.
        in_vain: Greetings without a link since the last link.
        began_at: When the last dial began.
        took_s: Seconds from the last dial that was answered to its answer.
        is_dialled: A dial is under way.
        is_greeted: It was accepted, and the answer to a greeting is awaited.
        answered: Who answered last, while that link lives.
        door: The door of ours whose secret fits, if the source said so; else each is tried in turn.
        turn: The door that is tried at this time.
        denials: Greetings in a row whose secret was not taken.
    """

    text: str
    host: str
    number: int
    node_id: NodeId | None
    next_at: float
    seeds: int = 0
    is_standing: bool = False
    named_at: float = 0.0
    vouched_until: float = float("-inf")
    lost_at: float = float("-inf")
    attempts: int = 0
    in_vain: int = 0
    began_at: float = 0.0
    took_s: float = 0.0
    is_dialled: bool = False
    is_greeted: bool = False
    answered: NodeId | None = None
    door: int | None = None
    turn: int = 0
    denials: int = 0

    def is_alive(self, now: float) -> bool:
        """Whether anything still speaks for it."""
        return self.seeds > 0 or self.is_standing or self.vouched_until > now

    def rests(self, known: Callable[[NodeId], bool]) -> bool:
        """Whether there is no need to dial: somebody answered, or who is said to be there is linked already."""
        return self.answered is not None or (self.node_id is not None and known(self.node_id))


class Candidates:
    """
    The table.

    Args:
        most: Addresses that are kept.
        chance: Returns a number from 0 to 1, to choose among equals whom to forget.
    """

    def __init__(self, most: int, chance: Callable[[], float], journal: Journal) -> None:
        self._most = most
        self._chance = chance
        self._journal = journal
        self._addresses: dict[str, Address] = {}
        self._count = 0
        self._has_warned = False

    def __len__(self) -> int:
        return len(self._addresses)

    def __iter__(self) -> Iterator[Address]:
        return iter(list(self._addresses.values()))

    def get(self, text: str) -> Address | None:
        """Return the entry of an address, or None."""
        return self._addresses.get(text)

    def add(self, text: str, node_id: NodeId | None, now: float, known: Callable[[NodeId], bool]) -> Address | None:
        """Return the new entry of an address, due now; None if the table is full of what must stay."""
        if len(self._addresses) >= self._most:
            self._prune(known)
        if len(self._addresses) >= self._most:
            return None
        self._count += 1
        entry = Address(text=text, host=host_of(text), number=self._count, node_id=node_id, next_at=now)
        self._addresses[text] = entry
        return entry

    def remove(self, text: str) -> None:
        """Forget an address, if it is there."""
        self._addresses.pop(text, None)

    def _prune(self, known: Callable[[NodeId], bool]) -> None:
        """Forget a quarter of what may go, the least promising: at once, since to choose takes a look at all."""
        movable = [a for a in self._addresses.values() if not (a.seeds or a.is_dialled)]
        idle = [a for a in movable if not a.rests(known)] or movable  # who is linked is found again without a hint
        chances = {a.text: self._chance() for a in idle}
        ranked = _in_turn(idle, Counter(), lambda a: chances[a.text])
        for entry in ranked[len(ranked) - max(1, len(ranked) // PRUNED_SHARE) :] if ranked else ():
            del self._addresses[entry.text]
        if not self._has_warned:
            self._has_warned = True
            self._journal.warning(
                "more than %d addresses of nodes are known; those that do not answer are forgotten first. "
                "Somebody may announce nodes that do not exist",
                self._most,
            )


def take_turns(waiting: list[Address], dialled: Iterable[Address], most: int) -> list[Address]:
    """
    Return which of *waiting* to dial now: all seeds, and of the rest so many that *most* are under way.

    Args:
        dialled: Those that are under way already; seeds among them do not count.
    """
    under_way = Counter(entry.host for entry in dialled if not entry.seeds)
    seeds = [entry for entry in waiting if entry.seeds]
    others = [entry for entry in waiting if not entry.seeds]
    free = max(0, most - under_way.total())
    if len(others) > free:
        others = _in_turn(others, under_way, lambda entry: -entry.number)[:free]
    return seeds + others


def _in_turn(entries: list[Address], taken: Counter[str], order: Callable[[Address], float]) -> list[Address]:
    """Return *entries*, those first that a peer vouches for; then each host's first, each host's second, ..."""
    turns = Counter(taken)
    ranks: dict[str, tuple[bool, int]] = {}
    best_first = sorted(entries, key=lambda e: (not _is_vouched(e), e.attempts, order(e)))
    for entry in best_first:
        turns[entry.host] += 1
        ranks[entry.text] = (not _is_vouched(entry), turns[entry.host])
    return sorted(best_first, key=lambda e: ranks[e.text])


def _is_vouched(entry: Address) -> bool:
    return entry.vouched_until > float("-inf")
