"""
The ledger: what two nodes sent each other, as running totals. Pure arithmetic; ``accounts.py`` uses it.

Each message from one node to another bears its place in the sequence of all that went there on the same carrier.
Totals are kept for as long as the two processes live, across cuts of the link between them, so that after any cut
both sides can say exactly what was lost, and nothing is taken in twice or out of order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from zmqlayer.exceptions import ProtocolError
from zmqlayer.names import NodeId

__all__ = ["Account", "Arrivals", "Ledger"]

MOST_GAPS: Final = 64


@dataclass(slots=True)
class Arrivals:
    """
    What came from one peer on one carrier.

    Attributes:
        seen: Sequence of the last message that came.
        missed: How many of those up to *seen* never came.
        gaps: (first, last) of those missed that were not reported yet; the latest few.
    """

    seen: int = 0
    missed: int = 0
    is_open: bool = False
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def admit(self, sequence: int) -> bool:
        """A message came. Returns False if it is late: what came after it was taken in already."""
        if sequence == self.seen + 1:
            self.seen = sequence
            return True
        if sequence <= self.seen:
            return False
        self._skip_to(sequence - 1)
        self.seen = sequence
        return True

    def reject(self) -> None:
        """The message that was just admitted is refused: to its sender that is as if it had not come."""
        self.missed += 1
        self.gaps = [*self.gaps[1 - MOST_GAPS :], (self.seen, self.seen)]

    def catch_up(self, sent: int, missed: int) -> bool:
        """
        The peer says, in order with its messages, how many it has *sent* so far.

        Args:
            missed: How many of these it knows to be lost. Counts if either side has no memory of the other.

        Returns:
            Whether this node went on from its own totals, and did not have to take over the peer's.
        """
        if self.is_open and sent >= self.seen:
            self._skip_to(sent)
            return True
        self.seen, self.missed, self.is_open = sent, missed, True
        self.gaps.clear()
        return False

    def take_gaps(self) -> list[tuple[int, int]]:
        """Return the gaps that were not reported yet."""
        taken, self.gaps = self.gaps, []
        return taken

    def _skip_to(self, sequence: int) -> None:
        if sequence > self.seen:
            self.gaps = [*self.gaps[1 - MOST_GAPS :], (self.seen + 1, sequence)]
            self.missed += sequence - self.seen
            self.seen = sequence


@dataclass(slots=True)
class Account:
    """
    This node and one peer.

    Attributes:
        mail: What the peer published to this node.
        work: What it pushed to this node.
        work_gaps: Which of *work* were missed lately, until the peer is known to have heard.
        work_link: Number of the link on which the last TALLY for *work* came.
        finished: How much of *work* this node is done with: taken, expired, dropped or given back.
        unread: Messages that the peer published and this node holds.
        unread_bytes: Their bodies' bytes.
        unread_work: Messages that it pushed and this node holds.
        unread_work_bytes: Their bodies' bytes.
        is_over: The peer was told in the log to have exceeded what it may have unread here.
        mail_sent: Messages this node published to the peer.
        work_sent: Messages this node pushed to it.
        returned: Messages the peer gave back.
        mail_seen: Up to which of them the peer has looked, by its last report.
        mail_missed: How many of *mail_sent* never came there, by its last report.
        work_missed: The same of *work_sent*.
        work_done: How much of *work_sent* the peer is done with, by its last report.
        written_mail: Published messages counted as lost when the peer was gone; taken back should it return.
        written_work: The same of *work_sent*.
    """

    mail: Arrivals = field(default_factory=Arrivals)
    work: Arrivals = field(default_factory=Arrivals)
    work_gaps: list[tuple[int, int]] = field(default_factory=list)
    work_link: int | None = None
    finished: int = 0
    unread: int = 0
    unread_bytes: int = 0
    unread_work: int = 0
    unread_work_bytes: int = 0
    is_over: bool = False
    mail_sent: int = 0
    work_sent: int = 0
    returned: int = 0
    mail_seen: int = 0
    mail_missed: int = 0
    work_missed: int = 0
    work_done: int = 0
    written_mail: int = 0
    written_work: int = 0

    def note_returned(self) -> None:
        """
        The peer gives a message of *work_sent* back.

        Raises:
            ProtocolError: It was not given as many.
        """
        self.returned += 1
        if self.returned > self.work_sent:
            raise ProtocolError(f"it returned {self.returned} messages and was given {self.work_sent}")

    def note_done(self, done: object) -> None:
        """
        The peer says how much of *work_sent* it is done with.

        Raises:
            ProtocolError: It was not handed as much.
        """
        if type(done) is not int or not 0 <= done <= self.work_sent:
            raise ProtocolError(f"it is done with {done!r} messages and was handed {self.work_sent}")
        self.work_done = done

    def note_missed(self, missed: object) -> int:
        """
        The peer says how many of *mail_sent* and *work_sent* never came. Returns how many more than it said before.

        Raises:
            ProtocolError: It was not sent as many.
        """
        match missed:
            case [int(mail), int(work)] if 0 <= mail <= self.mail_sent and 0 <= work <= self.work_sent:
                lost = mail - self.mail_missed + work - self.work_missed
                self.mail_missed, self.work_missed = mail, work
                return lost
            case _:
                raise ProtocolError(f"CONSUMED says that {missed!r} messages were missed")

    def hold(self, size: int, most: int, most_bytes: int, number: int = 1) -> bool:
        """Count *number* messages more that the peer published as unread here. Returns False if these are too many."""
        if self.unread + number > most or self.unread_bytes + size > most_bytes:
            return False
        self.unread += number
        self.unread_bytes += size
        return True

    def release(self, size: int) -> None:
        """This node is done with a message that the peer published."""
        self.unread -= 1
        self.unread_bytes -= size
        self.is_over = self.is_over and bool(self.unread or self.unread_work)

    def hold_work(self, size: int, most: int, most_bytes: int, number: int = 1) -> bool:
        """As :meth:`hold`, for messages that the peer pushed, together with those that it published."""
        if self.unread + self.unread_work + number > most:
            return False
        if self.unread_bytes + self.unread_work_bytes + size > most_bytes:
            return False
        self.take_work(size, number)
        return True

    def take_work(self, size: int, number: int = 1) -> None:
        """Count messages that the peer pushed because a reader here asked for them: its credit is their bound."""
        self.unread_work += number
        self.unread_work_bytes += size

    def release_work(self, size: int) -> None:
        """This node is done with a message that the peer pushed."""
        self.unread_work -= 1
        self.unread_work_bytes -= size
        self.is_over = self.is_over and bool(self.unread or self.unread_work)

    def mail_tally(self, parked: int) -> dict[str, object]:
        """Return what a TALLY says of the messages published so far, of which *parked* did not leave yet."""
        return {"carrier": "mail", "sent": self.mail_sent - parked, "missed": self.mail_missed, "done": 0}

    def work_tally(self) -> dict[str, object]:
        """Return what a TALLY says of the messages pushed so far."""
        return {"carrier": "work", "sent": self.work_sent, "missed": self.work_missed, "done": self.work_done}

    def keep_work_gaps(self) -> bool:
        """Put what is newly missed of *work* to *work_gaps*. Returns whether there was any."""
        gaps = self.work.take_gaps()
        self.work_gaps = [*self.work_gaps, *gaps][-MOST_GAPS:]
        return bool(gaps)

    @property
    def work_outstanding(self) -> int:
        """Work that the peer was handed and did not report as done or missed."""
        return self.work_sent - self.work_missed - self.work_done


class _Accounts(dict[NodeId, Account]):
    """Accounts by node, opened where they are looked for."""

    def __missing__(self, node_id: NodeId) -> Account:
        account = self[node_id] = Account()
        return account


class Ledger:
    """
    All accounts of one node. Those of peers that are gone are kept too, in case one was only out of reach.

    Attributes:
        of: Return the account with a node, opening it if need be. Each message asks, so no call of ours is in between.
        find: Return the account with a node, or None.

    Args:
        most: Accounts that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._accounts = _Accounts()
        self.of = self._accounts.__getitem__
        self.find = self._accounts.get
        self._closed: dict[NodeId, None] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def reopen(self, node_id: NodeId) -> Account:
        """A node that may have been gone is there again."""
        self._closed.pop(node_id, None)
        return self.of(node_id)

    def close(self, node_id: NodeId) -> NodeId | None:
        """A node is gone. Returns the one that was gone for longest, if its account had to be given up for this."""
        self._closed.pop(node_id, None)
        self._closed[node_id] = None
        if len(self._accounts) <= self._most:
            return None
        oldest = next(iter(self._closed))
        del self._closed[oldest]
        self._accounts.pop(oldest, None)
        return oldest
