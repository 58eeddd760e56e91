"""The ledger: running totals of what two nodes sent each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import node, quick
from zmqlayer.exceptions import ProtocolError
from zmqlayer.ledger import MOST_GAPS, Account, Arrivals, Ledger


def test_messages_in_order_are_taken_in() -> None:
    """No gap, nothing missed."""
    arrivals = Arrivals()

    assert [arrivals.admit(sequence) for sequence in (1, 2, 3)] == [True, True, True]
    assert (arrivals.seen, arrivals.missed, arrivals.gaps) == (3, 0, [])


def test_a_gap_is_noticed_with_the_next_message() -> None:
    """What was skipped is missed, with its place; and reported once."""
    arrivals = Arrivals()
    arrivals.admit(1)

    assert arrivals.admit(5)
    assert (arrivals.missed, arrivals.take_gaps(), arrivals.take_gaps()) == (3, [(2, 4)], [])


def test_what_is_late_or_repeated_is_not_taken_in() -> None:
    """What came after it was taken in already."""
    arrivals = Arrivals()
    arrivals.admit(5)

    assert [arrivals.admit(sequence) for sequence in (0, 3, 5)] == [False, False, False]
    assert (arrivals.seen, arrivals.missed) == (5, 4)


def test_a_refused_message_is_as_if_it_had_not_come() -> None:
    """It is missed, and reported as a gap of one."""
    arrivals = Arrivals()
    arrivals.admit(1)

    arrivals.reject()

    assert (arrivals.seen, arrivals.missed, arrivals.gaps) == (1, 1, [(1, 1)])


def test_the_tail_that_was_lost_is_noticed_with_the_next_pipe() -> None:
    """A pipe begins with how many messages were sent before."""
    arrivals = Arrivals()
    arrivals.catch_up(0, 0)
    arrivals.admit(1)

    assert arrivals.catch_up(4, 0)
    assert (arrivals.seen, arrivals.missed, arrivals.gaps) == (4, 3, [(2, 4)])


@pytest.mark.parametrize("known", [0, 3])
def test_whoever_forgot_starts_from_the_totals_of_the_other(known: int) -> None:
    """A side without memory of the other misses nothing that was sent before."""
    arrivals = Arrivals()

    assert not arrivals.catch_up(500, known)
    assert (arrivals.seen, arrivals.missed) == (500, known)
    assert not arrivals.catch_up(0, 0), "the peer forgot us"
    assert (arrivals.seen, arrivals.missed) == (0, 0)
    assert arrivals.admit(1)


def test_only_the_latest_gaps_are_kept() -> None:
    """A peer that skips every other number makes no list without end."""
    arrivals = Arrivals()
    for sequence in range(2, 10 * MOST_GAPS, 2):
        arrivals.admit(sequence)

    assert len(arrivals.gaps) == MOST_GAPS
    assert arrivals.gaps[-1] == (arrivals.seen - 1, arrivals.seen - 1)
    assert arrivals.missed * 2 == arrivals.seen


@quick
@given(st.lists(st.integers(0, 30), max_size=40))
def test_every_number_is_taken_in_missed_or_late(sequences: list[int]) -> None:
    """What was seen is what was taken in, in order, and what was missed."""
    arrivals = Arrivals()
    taken = [sequence for sequence in sequences if arrivals.admit(sequence)]

    assert taken == sorted(set(taken))
    assert arrivals.seen == len(taken) + arrivals.missed


def test_accounts_of_the_gone_are_kept_up_to_a_bound() -> None:
    """The one that has been gone for longest is given up first; those that are there never."""
    ledger = Ledger(3)
    for number in range(1, 4):
        ledger.of(node(number)).mail_sent = number
    ledger.close(node(1))
    ledger.close(node(2))
    ledger.reopen(node(1))
    ledger.of(node(4))

    assert ledger.close(node(3)) == node(2)
    assert ledger.find(node(2)) is None
    assert ledger.of(node(1)).mail_sent == 1
    assert len(ledger) == 3


def test_an_account_holds_as_much_as_it_may() -> None:
    """Messages and bytes are counted until they are released; what is too much is not held."""
    account = Account()
    held = [account.hold(size, 2, 100) for size in (60, 50, 40, 0)]
    account.is_over = True

    account.release(60)
    was_over = account.is_over
    account.release(40)

    assert held == [True, False, True, False]
    assert (was_over, account.is_over, account.unread, account.unread_bytes) == (True, False, 0, 0)


def test_an_account_holds_what_was_pushed_beside_what_was_published() -> None:
    """Together they are bounded; that there was too much is forgotten when all of both is gone."""
    account = Account()
    held = [account.hold(60, 2, 100), account.hold_work(50, 2, 100), account.hold_work(40, 2, 100)]
    account.take_work(1_000)
    account.is_over = True

    was_over = []
    for size in (40, 1_000):
        account.release_work(size)
        was_over.append(account.is_over)
    account.release(60)
    account.hold_work(10, 2, 100)
    account.is_over = True
    account.release_work(10)

    assert held == [True, False, True]
    assert (was_over, account.is_over, account.unread_work, account.unread_work_bytes) == ([True, True], False, 0, 0)


def test_tallies_say_what_was_sent() -> None:
    """What is parked has not left yet."""
    account = Account(mail_sent=5, mail_missed=1, work_sent=9, work_missed=2, work_done=3)

    assert account.mail_tally(2) == {"carrier": "mail", "sent": 3, "missed": 1, "done": 0}
    assert account.work_tally() == {"carrier": "work", "sent": 9, "missed": 2, "done": 3}


def test_gaps_in_work_are_kept() -> None:
    """Until the sender has heard of them; the latest few."""
    account = Account()
    account.work.admit(3)
    is_new, is_newer = account.keep_work_gaps(), account.keep_work_gaps()
    for sequence in range(5, 5 + 2 * MOST_GAPS, 2):
        account.work.admit(sequence)
    account.keep_work_gaps()

    assert (is_new, is_newer) == (True, False)
    assert len(account.work_gaps) == MOST_GAPS
    assert account.work_gaps[-1] == (2 + 2 * MOST_GAPS, 2 + 2 * MOST_GAPS)


def test_what_a_peer_says_of_our_messages_must_be_possible() -> None:
    """It cannot have missed, done or returned more than it was sent."""
    account = Account(mail_sent=3, work_sent=2)

    assert [account.note_missed(missed) for missed in ([1, 0], [2, 2], [2, 2])] == [1, 3, 0]
    account.note_done(2)
    account.note_returned()
    account.note_returned()
    for say in (account.note_returned, lambda: account.note_done(3), lambda: account.note_done("1")):
        with pytest.raises(ProtocolError):
            say()


@pytest.mark.parametrize("missed", [[4, 0], [0, 3], [-1, 0], [1], 1, None, ["1", 0]])
def test_impossible_losses_are_refused(missed: object) -> None:
    """Two numbers, of what was sent."""
    with pytest.raises(ProtocolError, match="were missed"):
        Account(mail_sent=3, work_sent=2).note_missed(missed)
