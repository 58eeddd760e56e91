"""Copies: a body that many members hold is one body, from the first to the last of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from support.strategies import quick
from zmqlayer.copies import Copies


def test_a_shared_body_counts_once() -> None:
    """Each copy counts, and the body's bytes only once; equal bodies of two messages are two."""
    copies, body = Copies(), bytes(100)
    other = bytes(bytearray(body))

    copies.add(body, 2)
    copies.add(other, 1)

    assert (copies.count, copies.size) == (3, 200)


def test_room_is_for_copies_and_for_bytes() -> None:
    """There is room up to both limits: for so many copies of a body that fits in, or for none."""
    copies, body = Copies(), bytes(100)
    assert copies.room(body, 3, 100) == 3
    assert copies.room(body, 3, 99) == 0

    copies.add(body, 2)

    assert copies.room(bytes(1), 3, 101) == 1
    assert copies.room(bytes(1), 3, 100) == 0
    assert copies.room(bytes(1), 2, 101) == 0
    assert copies.room(bytes(1), 1, 101) == 0


@quick
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_sums_are_those_of_what_is_held(steps: list[tuple[int, int]]) -> None:
    """After any adding and removing the sums are those of the copies that are left."""
    bodies = [bytes([number]) * (number + 1) * 10 for number in range(4)]
    copies, held = Copies(), list[int]()
    for added, number in steps:
        if added:
            copies.add(bodies[number], added)
            held += added * [number]
        elif number in held:
            copies.remove(bodies[number])
            held.remove(number)

    assert copies.count == len(held)
    assert copies.size == sum(len(bodies[number]) for number in set(held))
