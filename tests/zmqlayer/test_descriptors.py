"""Many descriptors behind one: what is ready is named, and what was taken away is not."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from zmqlayer.descriptors import Descriptors, PortablePoll, new_poll

WITHIN_S = 5.0

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=[new_poll, PortablePoll], ids=["of the system", "portable"])
def descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Descriptors]:
    """Nothing is watched yet."""
    monkeypatch.setattr("zmqlayer.descriptors.new_poll", request.param)
    descriptors = Descriptors()
    yield descriptors
    descriptors.close()


@pytest.fixture
def connect() -> Iterator[Callable[[], Pair]]:
    """Return a function that makes two sockets that are connected; all are closed in the end."""
    pairs: list[Pair] = []

    def connect() -> Pair:
        pairs.append(pair := socket.socketpair())
        return pair

    yield connect
    for pair in pairs:
        for one in pair:
            one.close()


def test_what_is_ready_is_named(descriptors: Descriptors, connect: Callable[[], Pair]) -> None:
    """Of all that are watched only those with input."""
    (quiet, _), (busy, other) = connect(), connect()
    for one in (quiet, busy):
        descriptors.watch(one.fileno())

    other.send(b"x")

    assert descriptors.ready(WITHIN_S) == {busy.fileno()}
    assert len(descriptors) == 2
    assert busy.fileno() in descriptors
    assert other.fileno() not in descriptors


def test_room_to_write_is_watched_too(descriptors: Descriptors, connect: Callable[[], Pair]) -> None:
    """A socket that connects is ready when it can be written to."""
    one, _ = connect()

    descriptors.watch(one.fileno(), for_output=True)

    assert descriptors.ready(0) == {one.fileno()}


def test_watching_twice_changes_nothing(descriptors: Descriptors, connect: Callable[[], Pair]) -> None:
    """Nor does taking away what is not watched."""
    one, other = connect()
    descriptors.watch(one.fileno())
    descriptors.watch(one.fileno(), for_output=True)
    descriptors.unwatch(other.fileno())

    assert descriptors.ready(0) == set()
    descriptors.unwatch(one.fileno())
    descriptors.unwatch(one.fileno())
    other.send(b"x")
    assert descriptors.ready(0) == set()
    assert len(descriptors) == 0


def test_time_that_is_over_is_no_wait(descriptors: Descriptors) -> None:
    """A deadline in the past means to look once."""
    assert descriptors.ready(-1.0) == set()


def test_one_descriptor_stands_for_all(descriptors: Descriptors, connect: Callable[[], Pair]) -> None:
    """Somebody else's selector is told while one of them is ready, also of one that was added while it slept."""
    one, other = connect()
    with selectors.DefaultSelector() as outer:
        outer.register(descriptors.fileno(), selectors.EVENT_READ)
        before = outer.select(0)
        adder = threading.Thread(target=lambda: (descriptors.watch(one.fileno()), other.send(b"x")))
        adder.start()
        during = outer.select(WITHIN_S)
        adder.join(WITHIN_S)
        one.recv(1)
        after = outer.select(0)

    assert (before, len(during), after) == ([], 1, [])


def test_what_is_added_wakes_a_sleeper(descriptors: Descriptors, connect: Callable[[], Pair]) -> None:
    """A thread sleeps on what there was; what another adds meanwhile ends its sleep."""
    one, other = connect()
    heard: list[set[int]] = []
    sleeper = threading.Thread(target=lambda: heard.append(set(descriptors.ready(WITHIN_S))))
    sleeper.start()

    other.send(b"x")
    descriptors.watch(one.fileno())

    sleeper.join(WITHIN_S)
    assert heard == [{one.fileno()}]


def test_the_end_leaves_what_was_watched_open(descriptors: Descriptors) -> None:
    """Whoever made a descriptor closes it; taking it away after the end is no error."""
    heard, said = os.pipe()
    descriptors.watch(heard)

    descriptors.close()
    descriptors.unwatch(heard)

    os.write(said, b"x")
    assert os.read(heard, 1) == b"x"
    os.close(heard)
    os.close(said)


def test_what_others_closed_may_be_taken_away(descriptors: Descriptors) -> None:
    """The system forgets a descriptor when it is closed; that it is not there any more is no error."""
    heard, said = os.pipe()
    descriptors.watch(heard)
    os.close(heard)

    descriptors.unwatch(heard)

    os.close(said)
    assert heard not in descriptors
    assert descriptors.ready(0) == set()
