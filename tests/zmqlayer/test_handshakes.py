"""Handshakes that fail: what monitors tell of both sides, with real sockets on loopback."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zmqlayer import handshakes
from zmqlayer.actions import HangUp, Push
from zmqlayer.config import Bind
from zmqlayer.descriptors import Descriptors
from zmqlayer.ports import Fault, Refusal
from zmqlayer.security import Keys
from zmqlayer.transport import ZmqTransport

WITHIN_S = 5.0
OURS, OTHERS = Keys.derive(b"s" * 32, "cluster"), Keys.derive(b"x" * 32, "cluster")


class Side:
    """A transport and what it refused, or was refused."""

    def __init__(self, *keys: Keys) -> None:
        self.transport = ZmqTransport(Bind("127.0.0.1", 0), keys, 1000, 100, 10_000, 100)
        ports = self.transport.open()
        self.addresses = [f"tcp://127.0.0.1:{pull}" for pull, _ in ports]
        self.refusals: list[Refusal] = []
        self.frames: list[bytes] = []

    def poll(self) -> None:
        self.frames += self.transport.collect(self.transport.wait(0.01))[0]
        refusals = self.transport.refusals()
        for refusal in refusals:
            if refusal.is_dialled:  # as the mesh does: whoever hangs up first is the only one to know why
                self.transport.carry_out([HangUp(refusal.address), Push(refusal.address, b"hello", 0)])
        self.refusals += refusals

    def faults(self, *, is_dialled: bool) -> set[Fault]:
        return {refusal.fault for refusal in self.refusals if refusal.is_dialled == is_dialled}


@pytest.fixture
def open_side() -> Iterator[Callable[..., Side]]:
    """Return a function that opens a transport; all are closed in the end."""
    sides: list[Side] = []

    def open_side(*keys: Keys) -> Side:
        sides.append(Side(*keys))
        return sides[-1]

    yield open_side
    for side in sides:
        side.transport.close(0)


def poll_until(is_enough: Callable[[], bool], *sides: Side) -> None:
    """Poll all *sides* until it is enough, with a bound."""
    deadline = time.monotonic() + WITHIN_S
    while not is_enough():
        assert time.monotonic() < deadline, [side.refusals for side in sides]
        for side in sides:
            side.poll()


@pytest.mark.parametrize(
    ("dialling", "listening", "seen_by_dialler", "seen_by_listener"),
    [
        ((OTHERS,), (OURS,), {Fault.SECRET}, Fault.SECRET),
        ((), (OURS,), {Fault.ENCRYPTED}, Fault.PLAIN),
        ((OURS,), (), {Fault.PLAIN, Fault.SECRET}, Fault.ENCRYPTED),  # it may hang up before we saw its greeting
    ],
    ids=["another secret", "plain to encrypted", "encrypted to plain"],
)
def test_both_sides_learn_what_is_wrong(
    open_side: Any, dialling: Any, listening: Any, seen_by_dialler: set[Fault], seen_by_listener: Fault
) -> None:
    """The one who dials and the one who is dialled both report a failed handshake, and why."""
    a, b = open_side(*dialling), open_side(*listening)

    a.transport.carry_out([Push(b.addresses[0], b"hello", 0)])
    poll_until(lambda: bool(a.refusals and b.refusals), a, b)

    assert a.faults(is_dialled=True) <= seen_by_dialler
    assert b.faults(is_dialled=False) == {seen_by_listener}
    assert {refusal.address for refusal in a.refusals} == {b.addresses[0]}
    assert {refusal.address for refusal in b.refusals} <= {"", "127.0.0.1"}
    assert b.frames == []


def test_a_failure_and_its_end_may_be_read_one_by_one(open_side: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a handshake that failed says nothing new, whenever it is read."""
    read = handshakes._Monitor.read
    monkeypatch.setattr(handshakes._Monitor, "read", lambda self: itertools.islice(read(self), 1))
    # What is left unread is not told of again: look everywhere each time.
    monkeypatch.setattr(Descriptors, "ready", lambda self, timeout_s: set(self._watched))
    a, b = open_side(), open_side(OURS)

    a.transport.carry_out([Push(b.addresses[0], b"hello", 0)])
    poll_until(lambda: len(a.refusals) >= 3, a, b)

    assert a.faults(is_dialled=True) == {Fault.ENCRYPTED}


@pytest.mark.parametrize("keys", [(), (OURS,)], ids=["plain", "encrypted"])
@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(100), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)],
    ids=["HTTP", "zeros", "TLS"],
)
def test_what_is_not_zeromq_is_named(open_side: Any, keys: Any, said: bytes) -> None:
    """A browser or a scanner is hung up on at once, and reported."""
    a = open_side(*keys)
    host, _, port = a.addresses[0].removeprefix("tcp://").rpartition(":")

    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as connection:
        connection.sendall(said)
        poll_until(lambda: bool(a.refusals), a)

    assert a.faults(is_dialled=False) == {Fault.STRANGER}


def test_a_visit_without_a_word_is_nobodys_fault(open_side: Any) -> None:
    """Whoever connects and hangs up, as a health check or a dial that is given up, is not reported."""
    a, b = open_side(OURS), open_side(OURS)
    host, _, port = a.addresses[0].removeprefix("tcp://").rpartition(":")
    socket.create_connection((host, int(port)), timeout=WITHIN_S).close()

    b.transport.carry_out([Push(a.addresses[0], b"hello", 0)])
    poll_until(lambda: bool(a.frames), a, b)

    assert (a.refusals, b.refusals) == ([], [])


def test_a_watch_ends_with_the_first_success(open_side: Any) -> None:
    """A dial that got through is watched no longer: the link notices what comes later."""
    a, b = open_side(OURS), open_side(OURS)

    a.transport.carry_out([Push(b.addresses[0], b"hello", 0)])
    poll_until(lambda: bool(b.frames) and not a.transport._pushes._dials, a, b)

    a.transport.carry_out([HangUp(b.addresses[0])])
    assert a.refusals == []


@pytest.mark.parametrize("keys", [(), (OURS,)], ids=["plain", "encrypted"])
def test_what_answers_a_dial_and_is_not_zeromq_is_named(open_side: Any, keys: Any) -> None:
    """A seed that is a web server, say."""
    a = open_side(*keys)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        a.transport.carry_out([Push(address, b"hello", 0)])
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            poll_until(lambda: bool(a.refusals), a)

    assert a.refusals[0] == Refusal(address, True, Fault.STRANGER)


def test_a_descriptor_that_is_something_else_by_now() -> None:
    """A connection may be closed before its monitor is read, and its number belong to whatever was opened next."""
    one, other = socket.socketpair()
    reading, writing = os.pipe()
    numbers = [one.fileno(), reading]
    next_free = os.dup(reading)
    os.close(next_free)

    with one, other:
        hosts = [handshakes.host_behind(number) for number in numbers]
        still_free = os.dup(reading)
    for descriptor in (reading, writing, still_free):
        os.close(descriptor)

    assert hosts == ["", ""]
    assert still_free == next_free  # no copy was left open
    assert handshakes.host_behind(reading) == ""


def test_a_look_at_a_connection_does_not_change_it() -> None:
    """What belongs to somebody else by now stays as it is, though the program has a timeout for all sockets."""
    before = socket.getdefaulttimeout()
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=None) as connection,
    ):
        socket.setdefaulttimeout(WITHIN_S)
        try:
            host = handshakes.host_behind(connection.fileno())
        finally:
            socket.setdefaulttimeout(before)

        assert (host, os.get_blocking(connection.fileno())) == ("127.0.0.1", True)
