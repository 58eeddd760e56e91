"""Large group frames: counted while libzmq holds them, and no more of them than the limit."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import zmq

from zmqlayer.publications import LARGE_BYTES, Publications

WITHIN_S = 5.0
WIRE = bytes(LARGE_BYTES)


@pytest.fixture
def pipe() -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
    """Return two connected sockets."""
    with zmq.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        push.linger = 0
        push.bind("inproc://publications")
        pull.connect("inproc://publications")
        yield push, pull


def test_what_is_held_counts(pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]]) -> None:
    """Frames that nobody took fill the limit; taken ones make room again."""
    push, pull = pipe
    publications = Publications(3 * LARGE_BYTES)
    for _ in range(3):
        frame = publications.admit(WIRE)
        assert frame is not None
        push.send(frame, copy=False)
    del frame
    assert publications.admit(WIRE) is None

    for _ in range(3):
        assert pull.recv() == WIRE

    deadline = time.monotonic() + WITHIN_S
    while publications.admit(WIRE) is None:
        assert time.monotonic() < deadline, publications


def test_one_that_hangs_keeps_no_others(pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]]) -> None:
    """What was taken is let go although an older frame is held."""
    publications = Publications(3 * LARGE_BYTES)
    oldest = publications.admit(WIRE)

    deadline, admitted = time.monotonic() + WITHIN_S, 0
    while admitted < 10:  # each is let go at once, since nobody sends it
        assert time.monotonic() < deadline, publications
        admitted += publications.admit(WIRE) is not None

    assert oldest is not None
