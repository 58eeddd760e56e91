"""The journal: what is said comes out as it was said, and not before it is written."""

from __future__ import annotations

import logging

import pytest

from zmqlayer.journal import Journal, Said


def test_what_is_said_waits_to_be_written(caplog: pytest.LogCaptureFixture) -> None:
    """The order, the levels and the name of the logger are those of a logger that is used directly."""
    said: list[Said] = []
    journal = Journal(said.append)
    journal.debug("x %s", "n7")
    journal.warning("lost %d of %d", 1, 2)
    before = list(caplog.record_tuples)

    with caplog.at_level(logging.DEBUG, "zmqlayer"):
        for line in said:
            line.write()

    assert before == []
    assert caplog.record_tuples == [
        ("zmqlayer", logging.DEBUG, "x n7"),
        ("zmqlayer", logging.WARNING, "lost 1 of 2"),
    ]
