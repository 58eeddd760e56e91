"""PUSH sockets: what waits until it can leave, what a hang-up ends, and with which secret they dial."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import zmq

from support.kept_sockets import KeptSockets
from support.ports import free_port
from zmqlayer.actions import HangUp, Push
from zmqlayer.descriptors import Descriptors
from zmqlayer.ports import Fault, Refusal
from zmqlayer.probes import Probes
from zmqlayer.pushes import Pushes
from zmqlayer.security import Keys

WITHIN_S = 5.0
WIRE = b"a frame"
FIRST, SECOND = Keys.derive(b"1" * 32, "cluster"), Keys.derive(b"2" * 32, "cluster")


class Dialler:
    """The PUSH sockets of a node, and what they need."""

    def __init__(self, *keys: Keys) -> None:
        self.sockets = KeptSockets("127.0.0.1", keys, 10_000, 100)
        self.sockets.open()
        self.descriptors = Descriptors()
        self.probes = Probes(self.descriptors)
        self.lost: list[str] = []
        self.pushes = Pushes(self.sockets, self.descriptors, self.probes, self.lost.append)
        self.refusals: list[Refusal] = []

    def pull(self, door: int = 0, port: int = 0) -> tuple[zmq.Socket[bytes], str]:
        """Return a PULL that holds little and listens with the secret of a door, and its address."""
        pull = self.sockets.create(zmq.PULL)
        pull.rcvhwm = 100
        self.sockets.use_key(pull, door, is_server=True)
        return pull, f"tcp://127.0.0.1:{self.sockets.bind(pull, port)}"

    def go_on(self, timeout_s: float = 0.01) -> None:
        self.refusals += self.pushes.go_on(self.descriptors.ready(timeout_s))

    def go_on_until(self, is_enough: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not is_enough():
            assert time.monotonic() < deadline, self.refusals
            self.go_on()

    def close(self) -> None:
        self.probes.close()
        self.descriptors.close()
        self.sockets.close(0)


@pytest.fixture
def dialler() -> Iterator[Dialler]:
    """Return what dials without a secret."""
    dialler = Dialler()
    yield dialler
    dialler.close()


@pytest.fixture
def two_doors() -> Iterator[Dialler]:
    """Return what dials with one of two secrets."""
    dialler = Dialler(FIRST, SECOND)
    yield dialler
    dialler.close()


def test_frames_wait_for_the_connection(dialler: Dialler) -> None:
    """Frames pushed before the connection stands arrive, in order."""
    pull, address = dialler.pull()
    wires = [WIRE + bytes([n]) for n in range(10)]

    for wire in wires:
        dialler.pushes.push(Push(address, wire))
    dialler.go_on_until(lambda: pull.poll(0))

    assert [pull.recv() for _ in wires] == wires


def test_frames_wait_for_room(dialler: Dialler) -> None:
    """A peer that stands still gets all of it, in order, when it reads again."""
    pull, address = dialler.pull()
    sizes = [10_000 + n for n in range(3000)]  # more than libzmq and the kernel take
    for size in sizes:
        dialler.pushes.push(Push(address, bytes(size)))
    dialler.go_on_until(lambda: pull.poll(0))
    still_waiting = len(dialler.descriptors)
    received: list[int] = []

    def has_all() -> bool:
        while pull.poll(1):
            received.append(len(pull.recv()))
        return len(received) == len(sizes)

    dialler.go_on_until(has_all)
    assert still_waiting
    assert received == sizes


def test_a_name_is_not_dialled(dialler: Dialler) -> None:
    """Whoever greets may say any host; nothing is looked up for him, and nothing is left."""
    dialler.pushes.push(Push("tcp://localhost:1", WIRE))

    assert list(dialler.pushes.addresses) == []
    assert len(dialler.descriptors) == 0


def test_nothing_is_watched_while_nothing_waits(dialler: Dialler) -> None:
    """A socket that has room is of no interest: it is watched only while something waits."""
    port = free_port()
    dialler.pushes.push(Push(f"tcp://127.0.0.1:{port}", WIRE))
    assert len(dialler.descriptors) == 2  # the socket, and the watch of its handshake

    pull, _ = dialler.pull(port=port)

    dialler.go_on_until(lambda: pull.poll(0) and not len(dialler.descriptors))


def test_nobody_at_an_address_is_no_error(dialler: Dialler) -> None:
    """Dialling nobody, an address that is none, hanging up twice: nothing happens."""
    dialler.pushes.push(Push("tcp://127.0.0.1:1", WIRE))
    dialler.pushes.push(Push("tcp://:::::", WIRE))
    dialled = list(dialler.pushes.addresses)
    dialler.pushes.hang_up(HangUp("tcp://127.0.0.1:1"))
    dialler.pushes.hang_up(HangUp("tcp://127.0.0.1:1"))

    assert dialled == ["tcp://127.0.0.1:1"]
    assert not dialler.pushes.addresses
    assert not len(dialler.descriptors)
    assert dialler.lost == []


@pytest.mark.parametrize("n_left", [0, 1, 2])
def test_a_dial_that_finds_no_socket_leaves_nothing(dialler: Dialler, n_left: int) -> None:
    """It takes three: of fewer none is kept, the loss is told, and the address can be dialled when there is room."""
    dialler.sockets._context.set(zmq.MAX_SOCKETS, 4)
    pull, address = dialler.pull()
    held = [dialler.sockets.create(zmq.PULL) for _ in range(3 - n_left)]

    dialler.pushes.push(Push(address, WIRE))

    assert dialler.lost == ["cannot dial: Too many open files"]
    assert (list(dialler.pushes.addresses), len(dialler.descriptors)) == ([], 0)
    for one in held:
        one.close(0)

    def is_dialled() -> bool:
        dialler.pushes.push(Push(address, WIRE + b"again"))
        return bool(dialler.pushes.addresses)

    dialler.go_on_until(is_dialled)  # libzmq takes closed sockets back in the background
    dialler.go_on_until(lambda: pull.poll(0))
    assert pull.recv() == WIRE + b"again"


def test_a_dial_that_cannot_be_watched_leaves_nothing(dialler: Dialler, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system bounds what may be watched, too."""

    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(dialler.descriptors, "watch", refuse)

    dialler.pushes.push(Push("tcp://127.0.0.1:1", WIRE))

    assert dialler.lost == ["cannot dial: No space left on device"]
    assert (list(dialler.pushes.addresses), dialler.pushes._dials) == ([], {})
    assert all(one.closed for one in dialler.sockets.created)


def test_what_waits_for_an_address_dies_with_the_hang_up(dialler: Dialler) -> None:
    """Frames for a process that is gone do not reach the next one that listens there."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    dialler.pushes.push(Push(address, WIRE))
    dialler.pushes.hang_up(HangUp(address))
    successor, _ = dialler.pull(port=port)

    dialler.pushes.push(Push(address, WIRE + b"new"))

    dialler.go_on_until(lambda: successor.poll(0))
    assert successor.recv() == WIRE + b"new"


def test_another_door_dials_anew(two_doors: Dialler) -> None:
    """Who refuses one secret is reached with the other; a frame for any door takes the connection that is there."""
    pull, address = two_doors.pull(door=1)
    two_doors.pushes.push(Push(address, WIRE, 0))
    two_doors.go_on_until(lambda: two_doors.refusals)

    two_doors.pushes.push(Push(address, WIRE + b"1", 1))
    two_doors.pushes.push(Push(address, WIRE + b"2"))

    two_doors.go_on_until(lambda: pull.poll(0))
    assert [pull.recv(), pull.recv()] == [WIRE + b"1", WIRE + b"2"]
    assert set(two_doors.refusals) == {Refusal(address, True, Fault.SECRET)}


def test_a_dial_and_a_hang_up_end_the_probe(dialler: Dialler) -> None:
    """Once an address is dialled, or given up, nobody asks any more whether somebody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        for end in (lambda: dialler.pushes.push(Push(address, WIRE)), lambda: dialler.pushes.hang_up(HangUp(address))):
            dialler.probes.start(address)
            end()
            dialler.probes.collect(dialler.descriptors.ready(0))

            assert not dialler.probes.has_results
