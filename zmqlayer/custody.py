"""
Custody: which node has each message whose loss its sender wants to hear of. Pure; used by ``mesh.py`` and its parts.

A message is watched from the moment it is queued until its sender forgets it. First it is in the queue here, where it
may expire; then at the node that it was handed to, which may vanish with it, or never get it because the connection
broke; a reader that leaves gives it back. That a reader took it is no end: only the sender knows when it was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from zmqlayer.names import NodeId
from zmqlayer.ports import Loss

__all__ = ["Custody"]


@dataclass(slots=True)
class _Item:
    """One message: who watches it, and, if a peer has it, which and under which place in the sequence."""

    token: Hashable
    peer: NodeId | None = None
    sequence: int = 0


class Custody:
    """
    The watched messages of one node, by the number that its queues gave them.

    Args:
        most: How many are watched at once.
        on_loss: Called with the token of a message that is lost, and why; it is not watched any more.
        on_room: Called when one more can be watched again.

    Attributes:
        items: What is known of each, by its number.
    """

    def __init__(
        self, most: int, on_loss: Callable[[Hashable, Loss], None], on_room: Callable[[], None]
    ) -> None:  # fmt: skip
        self.items: dict[int, _Item] = {}
        self._most = most
        self._on_loss = on_loss
        self._on_room = on_room
        self._numbers: dict[Hashable, int] = {}
        self._peers: dict[NodeId, dict[int, int]] = {}

    def __len__(self) -> int:
        return len(self.items)

    @property
    def is_full(self) -> bool:
        """Whether no more can be watched."""
        return len(self.items) >= self._most

    def watch(self, number: int, token: Hashable) -> None:
        """
        Message *number* is about to be queued here.

        Args:
            token: Names it to its sender.
        """
        self.items[number] = _Item(token)
        self._numbers[token] = number

    def forget(self, token: Hashable) -> int | None:
        """
        Watch it no longer. May be called twice, and for one that was lost.

        Returns:
            Its number, if it was watched.
        """
        number = self._numbers.get(token)
        if number is not None:
            self._remove(number)
        return number

    def handed(self, number: int, peer: NodeId, sequence: int) -> None:
        """A message was pushed to *peer*, with this place in the sequence of what goes there."""
        item = self.items.get(number)
        if item is not None:
            item.peer, item.sequence = peer, sequence
            self._peers.setdefault(peer, {})[sequence] = number

    def returned(self, number: int, peer: NodeId) -> None:
        """*peer* gave a message back: it is in the queue here again."""
        item = self.items.get(number)
        if item is not None and item.peer == peer:
            self._leave_peer(item)

    def expired(self, number: int) -> None:
        """A message was thrown away here: its time was up, or all queues were emptied."""
        if number in self.items:
            self._lose(number, Loss.EXPIRED)

    def missed(self, peer: NodeId, first: int, last: int) -> None:
        """*peer* says that what was pushed to it from place *first* to *last* never came."""
        for sequence in [at for at in self._peers.get(peer, ()) if first <= at <= last]:
            self._lose(self._peers[peer][sequence], Loss.READER_GONE)

    def peer_gone(self, peer: NodeId) -> None:
        """*peer* is gone, with all that it had not answered."""
        for number in list(self._peers.get(peer, {}).values()):
            self._lose(number, Loss.READER_GONE)

    def _lose(self, number: int, loss: Loss) -> None:
        self._on_loss(self._remove(number), loss)

    def _remove(self, number: int) -> Hashable:
        was_full, item = self.is_full, self.items.pop(number)
        del self._numbers[item.token]
        self._leave_peer(item)
        if was_full:
            self._on_room()
        return item.token

    def _leave_peer(self, item: _Item) -> None:
        if item.peer is None:
            return
        at_peer = self._peers[item.peer]
        del at_peer[item.sequence]
        if not at_peer:
            del self._peers[item.peer]
        item.peer = None
