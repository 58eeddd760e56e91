"""
Whose turn it is: a client's next message waits until the consumer of the one before has ended. Pure.

Only workers that tell when consumers end can be waited for. One that answers without a word about it is taken for one
that never will, and messages flow as they come (decision 043).
"""

from __future__ import annotations

__all__ = ["Turns"]


class Turns:
    """
    The messages of one WebSocket, known by their order.

    Args:
        is_parallel: Do not wait at all.
    """

    __slots__ = ("_consumed", "_is_always_parallel", "_is_parallel", "_is_told", "_sent", "is_answered")

    def __init__(self, is_parallel: bool) -> None:
        self.is_answered = False
        """Whether any worker has answered, or none will."""
        self._is_parallel = self._is_always_parallel = is_parallel
        self._is_told = False
        self._sent = -1
        self._consumed = -1

    def __repr__(self) -> str:
        return f"<Turns [{self._sent} sent, {self._consumed if self._is_told else 'nothing'} told]>"

    @property
    def are_taken(self) -> bool:
        """Whether the next message waits for the consumer of the one before."""
        return self._is_told and not self._is_parallel

    @property
    def consumed(self) -> int | None:
        """The order of the last message that is consumed, as are all before it; None if nobody tells, or can know."""
        return self._consumed if self._is_told and not self._is_always_parallel else None

    @property
    def is_free(self) -> bool:
        """Whether the next message may be sent."""
        if self._is_parallel:
            return True
        return self._consumed >= self._sent if self._is_told else self.is_answered

    def sent(self, order: int) -> None:
        """The message *order* is on its way."""
        self._sent = order

    def answered(self, consumed: int | None) -> None:
        """A worker answered, and told that all messages up to *consumed* are consumed, or told nothing of that."""
        self.is_answered = True
        if consumed is not None:
            self._is_told = True
            self._consumed = max(self._consumed, consumed)

    def give_up(self) -> None:
        """Nobody will tell of what was sent."""
        self.is_answered = True
        self._consumed = self._sent

    def end(self) -> None:
        """Wait no more."""
        self._is_parallel = True
