"""Confirmed members of groups, and the copies of messages that are owed to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from simulator.calm import Calm
from simulator.history import Violation
from simulator.user import User

__all__ = ["Promises"]

Member = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Debt:
    """One copy that must arrive, unless its owner counts since then that a message was thrown away."""

    sender: User
    owner: User
    group: str
    losses: int


class Promises:
    """
    What ``group_add`` promised, and whether it was kept.

    Attributes:
        made: How many copies were owed, in all.
    """

    def __init__(self, calm: Calm) -> None:
        self.made = 0
        self._calm = calm
        self._members: dict[Member, tuple[User, float]] = {}
        self._discards: Counter[Member] = Counter()
        self._discarded_at: dict[Member, float] = {}
        self._debts: dict[tuple[int, str], _Debt] = {}

    def confirm(self, owner: User, group: str, channel: str, began_at: float) -> None:
        """``group_add`` of a channel of *owner* returned."""
        is_later = began_at > self._discarded_at.get((group, channel), 0.0)
        if is_later and not self._discards[group, channel] and channel in owner.channels:
            self._members[group, channel] = (owner, began_at)

    def discard(self, group: str, channel: str) -> None:
        """Somebody begins to discard a member: nothing is promised to it until that is over."""
        self._discards[group, channel] += 1
        self._forget(group, channel)

    def discarded(self, group: str, channel: str, now: float) -> None:
        """That is over; one which never ends leaves the member without promises."""
        self._discards[group, channel] -= 1
        self._discarded_at[group, channel] = now

    def close(self, channel: str) -> None:
        """A channel was closed."""
        for group, member in list(self._members):
            if member == channel:
                self._forget(group, channel)
        self._debts = {key: debt for key, debt in self._debts.items() if key[1] != channel}

    def void(self) -> None:
        """A trouble began: copies that may be lost by it are owed no more."""
        self._debts = {
            key: debt
            for key, debt in self._debts.items()
            if self._calm.is_calm(debt.sender.node.name, debt.owner.node.name)
        }

    def void_all(self) -> None:
        """Everything is being forgotten."""
        self._members.clear()
        self._debts.clear()

    def send(self, sender: User, group: str, number: int) -> None:
        """A message goes to a group: owe it to all members whose links were undisturbed since they joined."""
        for (name, channel), (owner, began_at) in self._members.items():
            if name == group and self._is_linked(sender, owner, began_at):
                self.made += 1
                self._debts[number, channel] = _Debt(sender, owner, group, _losses(owner))

    def pay(self, number: int, channel: str) -> None:
        """A copy was read."""
        self._debts.pop((number, channel), None)

    def check(self) -> None:
        """
        Look back, when everything has been read.

        Raises:
            Violation: A confirmed member did not get its copy.
        """
        for (number, channel), debt in self._debts.items():
            if _losses(debt.owner) == debt.losses and debt.owner.is_able:
                raise Violation(
                    f"message {number} of {debt.sender.node.name} to group {debt.group} "
                    f"never reached {channel} of {debt.owner.node.name}, which is a confirmed member"
                )

    def _forget(self, group: str, channel: str) -> None:
        self._members.pop((group, channel), None)
        self._debts = {key: debt for key, debt in self._debts.items() if (debt.group, key[1]) != (group, channel)}

    def _is_linked(self, sender: User, owner: User, began_at: float) -> bool:
        a, b = sender.node, owner.node
        if not owner.is_able or not self._calm.is_calm(a.name, b.name, began_at):
            return False
        return a is b or a.sees(b) == "ready"


def _losses(owner: User) -> int:
    counters = owner.node.mesh.counters
    # Not those lost on the way to others: they are taken back when a peer that seemed to be gone returns.
    return counters.expired + sum(counters.dropped[reason] for reason in ("member full", "flushed", "channel closed"))
