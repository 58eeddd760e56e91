"""The bell: any thread wakes whoever sleeps, any number of times, and late rings do no harm."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from zmqlayer.bell import Bell
from zmqlayer.descriptors import Descriptors

WITHIN_S = 5.0
MORE_THAN_A_PIPE_HOLDS = 100_000


@pytest.fixture
def descriptors() -> Iterator[Descriptors]:
    """What the bell is watched by."""
    descriptors = Descriptors()
    yield descriptors
    descriptors.close()


@pytest.fixture
def bell(descriptors: Descriptors) -> Iterator[Bell]:
    """A bell that is watched."""
    bell = Bell(descriptors)
    yield bell
    bell.close()


def test_a_ring_wakes_who_sleeps(descriptors: Descriptors, bell: Bell) -> None:
    """Another thread rings; the sleeper is told of the bell, and of nothing else."""
    ringer = threading.Thread(target=bell.ring)
    ringer.start()

    ready = descriptors.ready(WITHIN_S)

    ringer.join(WITHIN_S)
    assert len(ready) == len(descriptors) == 1


def test_a_ring_before_the_sleep_is_heard(descriptors: Descriptors, bell: Bell) -> None:
    """A ring is kept until it is heard."""
    bell.ring()

    assert descriptors.ready(0)
    assert descriptors.ready(0)


def test_many_rings_are_heard_once(descriptors: Descriptors, bell: Bell) -> None:
    """More rings than the pipe holds are no error, and silence follows when they were heard."""
    for _ in range(MORE_THAN_A_PIPE_HOLDS):
        bell.ring()

    while ready := descriptors.ready(0):
        bell.hush(ready)

    bell.ring()
    assert descriptors.ready(0)


def test_hushing_a_bell_that_is_silent_does_nothing(descriptors: Descriptors, bell: Bell) -> None:
    """Something else was ready, or somebody else has heard it: then there is nothing to wait for either."""
    bell.ring()
    ready = descriptors.ready(0)

    for heard in (frozenset[int](), ready, ready):
        bell.hush(heard)

    assert descriptors.ready(0) == set()


def test_a_ring_after_the_end_is_no_error(descriptors: Descriptors) -> None:
    """Who rings may be late; nobody else's descriptors are left behind."""
    bell = Bell(descriptors)
    bell.close()

    bell.ring()


def test_a_late_ring_reaches_nobody_else(descriptors: Descriptors) -> None:
    """The numbers of a closed bell's descriptors are given to others, who must not find a byte of ours in theirs."""
    bell = Bell(descriptors)
    bell.close()
    heard, said = os.pipe()
    os.set_blocking(heard, False)

    bell.ring()

    try:
        with pytest.raises(BlockingIOError):
            os.read(heard, 1)
    finally:
        os.close(heard)
        os.close(said)


def test_it_is_not_closed_while_somebody_rings(descriptors: Descriptors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the byte would go to whoever is given the number in between."""
    bell = Bell(descriptors)
    closer = threading.Thread(target=bell.close)
    write, written = os.write, []

    def write_late(descriptor: int, rings: bytes) -> int:
        closer.start()
        closer.join(0.05)  # it would be closed by then if nothing held it back
        written.append(write(descriptor, rings))
        return len(rings)

    monkeypatch.setattr(os, "write", write_late)
    bell.ring()
    closer.join(WITHIN_S)
    bell.ring()

    assert written == [1]


def test_a_child_may_close_it_though_a_thread_rang_when_it_was_forked(descriptors: Descriptors) -> None:
    """That thread is missing in the child, and lets go of nothing."""
    bell = Bell(descriptors)
    bell._lock.acquire()

    bell.disown()

    bell.ring()
