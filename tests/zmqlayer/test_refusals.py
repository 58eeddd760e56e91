"""What the log says of refused handshakes: one line each, with the cure, and no more than a bounded number."""

from __future__ import annotations

import pytest

from zmqlayer.journal import Journal, Said
from zmqlayer.ports import Fault, Refusal
from zmqlayer.refusals import Refusals

OTHER, DIALLED = "10.0.0.7", "tcp://10.0.0.7:5757"
JOURNAL = Journal(Said.write)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("is_dialled", [True, False])
def test_a_refusal_is_one_line_with_the_cure(fault: Fault, is_dialled: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It names the other side and what to do; the same again is told a minute later."""
    refusals = Refusals(10, JOURNAL)
    address = DIALLED if is_dialled else OTHER

    for now in range(0, 61, 10):
        refusals.note(Refusal(address, is_dialled, fault), float(now))

    assert len(caplog.messages) == 2
    assert address in caplog.messages[0]
    assert "; give " in caplog.messages[0] or "; let " in caplog.messages[0]


def test_each_node_and_fault_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    """Another node, or another fault of the same one, is news."""
    refusals = Refusals(10, JOURNAL)
    for address in ("10.0.0.7", "10.0.0.8"):
        for fault in (Fault.SECRET, Fault.STRANGER):
            refusals.note(Refusal(address, False, fault), 0.0)

    assert len(caplog.messages) == 4


def test_a_flood_of_addresses_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the limit nothing is remembered or told, until a minute has passed."""
    refusals = Refusals(3, JOURNAL)
    for number in range(100):
        refusals.note(Refusal(f"10.0.0.{number}", False, Fault.SECRET), 0.0)
    assert len(caplog.messages) == len(refusals._told) == 3

    refusals.note(Refusal("10.1.0.0", False, Fault.SECRET), 60.0)

    assert "10.1.0.0" in caplog.messages[-1]
    assert len(refusals._told) == 1


def test_a_line_waits_for_the_address(caplog: pytest.LogCaptureFixture) -> None:
    """A dialler that was gone before we looked comes again: the line that names it is enough."""
    refusals = Refusals(10, JOURNAL)

    refusals.note(Refusal("", False, Fault.SECRET), 0.0)
    refusals.tick(0.5)
    refusals.note(Refusal(OTHER, False, Fault.SECRET), 0.6)
    refusals.note(Refusal("", False, Fault.SECRET), 0.7)
    refusals.tick(5.0)

    assert [OTHER in message for message in caplog.messages] == [True]


def test_who_stays_unknown_is_told_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """After a second the line comes without an address, once."""
    refusals = Refusals(10, JOURNAL)
    for now in (0.0, 0.5, 1.0, 1.5, 2.0):
        refusals.note(Refusal("", False, Fault.PLAIN), now)
        refusals.tick(now)

    assert len(caplog.messages) == 1
    assert "whose address is not known" in caplog.messages[0]


def test_a_change_of_secrets_is_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    """A node with several secrets says that the line may be a step on the way."""
    Refusals(10, JOURNAL, is_rotating=True).note(Refusal(OTHER, False, Fault.SECRET), 0.0)

    assert "harmless while secrets are being changed" in caplog.text
