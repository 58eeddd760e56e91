"""
Routes: which of a node's hosts can be reached from here. Pure; time is passed in. Used by ``links.py`` only.

A node that greets names all its hosts, and only some need be reachable: others may be dead, or lead to another
machine that has the same inner address. So the answer goes to all of them at once, each saying by which host it went,
and the node that greeted says which arrived first. Nothing is connected but to that one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zmqlayer.names import NodeId

__all__ = ["Routes"]


@dataclass(frozen=True, slots=True)
class _Trial:
    addresses: tuple[str, ...]
    our_link: int
    ends_at: float


class Routes:
    """
    The nodes whose hosts are being tried.

    Args:
        most: Nodes that are tried at the same time; more are left to greet again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._trials: dict[NodeId, _Trial] = {}

    def __len__(self) -> int:
        return len(self._trials)

    def begin(self, node_id: NodeId, addresses: Iterable[str], our_link: int, ends_at: float) -> tuple[str, ...]:
        """
        Return the addresses to try; none if they are being tried already, or too many others are.

        Args:
            our_link: Number of our side of the link that may come of it.
            ends_at: When to give up.
        """
        if node_id in self._trials or len(self._trials) >= self._most:
            return ()
        trial = self._trials[node_id] = _Trial(tuple(dict.fromkeys(addresses)), our_link, ends_at)
        return trial.addresses

    def leads(self, node_id: NodeId, address: str) -> bool:
        """Whether *address* is being tried for *node_id*."""
        trial = self._trials.get(node_id)
        return trial is not None and address in trial.addresses

    def serves(self, address: str) -> bool:
        """Whether *address* is being tried for anybody."""
        return any(address in trial.addresses for trial in self._trials.values())

    def end(self, node_id: NodeId) -> tuple[tuple[str, ...], int | None]:
        """Try no more for *node_id*. Returns the addresses and the number that were given to :meth:`begin`."""
        trial = self._trials.pop(node_id, None)
        return (trial.addresses, trial.our_link) if trial is not None else ((), None)

    def overdue(self, now: float) -> list[NodeId]:
        """Return for whom no address worked in time."""
        return [node_id for node_id, trial in self._trials.items() if trial.ends_at <= now]

    def next_at(self) -> float:
        """Return when the first trial ends."""
        return min((trial.ends_at for trial in self._trials.values()), default=float("inf"))
