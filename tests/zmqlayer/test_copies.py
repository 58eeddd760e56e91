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

    for each in (body, body, other):
        copies.add(each)

    assert (copies.count, copies.size) == (3, 200)


def test_room_is_for_copies_and_for_bytes() -> None:
    """There is room up to both limits; one more copy of a body that is held takes no bytes."""
    copies, body = Copies(), bytes(100)
    assert copies.has_room(body, 1, 100)
    assert not copies.has_room(body, 1, 99)

    copies.add(body)

    assert copies.has_room(body, 2, 100)
    assert not copies.has_room(bytes(1), 2, 100)
    assert not copies.has_room(body, 1, 100)


@quick
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3))))
def test_sums_are_those_of_what_is_held(steps: list[tuple[bool, int]]) -> None:
    """After any adding and removing the sums are those of the copies that are left."""
    bodies = [bytes([number]) * (number + 1) * 10 for number in range(4)]
    copies, held = Copies(), list[int]()
    for is_added, number in steps:
        if is_added:
            copies.add(bodies[number])
            held.append(number)
        elif number in held:
            copies.remove(bodies[number])
            held.remove(number)

    assert copies.count == len(held)
    assert copies.size == sum(len(bodies[number]) for number in set(held))
