"""What waits for a slow client."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.clients.backlog import PIECE_SIZE, Backlog


@given(st.lists(st.tuples(st.integers(0, 2 * PIECE_SIZE), st.booleans()), max_size=8))
def test_pieces_hold_what_was_added_in_order(steps: list[tuple[int, bool]]) -> None:
    """None is empty, none is larger than it should be, and only the last is smaller."""
    backlog, added, taken = Backlog(), b"", b""
    for number, (size, takes) in enumerate(steps):
        part = bytes([number]) * size
        backlog.add((part[:10], part[10:]))
        added += part
        if takes and backlog:
            taken += backlog.take()
    while backlog:
        piece = backlog.take()
        assert len(piece) == min(PIECE_SIZE, len(added) - len(taken))
        taken += piece

    assert taken == added
