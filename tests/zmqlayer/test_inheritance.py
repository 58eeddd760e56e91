"""Connections that are given up: known by their addresses, and no others."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from zmqlayer.inheritance import give_up_connections


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def default_timeout() -> Iterator[None]:
    """A program that has a timeout for all its sockets, which Python keeps by making them non-blocking."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)
    yield
    socket.setdefaulttimeout(before)


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def connect(listener: socket.socket) -> tuple[int, int]:
    """Return the two ends of a connection, as file descriptors."""
    near = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    return near.detach(), far.detach()


def test_what_a_port_listened_to_and_accepted_goes(listener: socket.socket) -> None:
    """The listening socket and the accepted end; the dialling end is somebody else's."""
    near, far = connect(listener)
    fd = listener.fileno()

    give_up_connections(frozenset([listener.getsockname()[1]]), [])

    assert [is_open(each) for each in (fd, far, near)] == [False, False, True]
    listener.detach()
    os.close(near)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
def test_what_was_dialled_goes(listener: socket.socket, host: str) -> None:
    """The dialling end of a connection to an address, in whichever form it is written."""
    near, far = connect(listener)

    give_up_connections(frozenset(), [f"tcp://{host}:{listener.getsockname()[1]}"])

    assert [is_open(each) for each in (listener.fileno(), far, near)] == [True, True, False]
    os.close(far)


def test_everything_else_stays(listener: socket.socket) -> None:
    """Other ports, names, sockets that are not connected or no TCP, and what is no socket at all."""
    near, far = connect(listener)
    port = listener.getsockname()[1]
    idle = socket.socket()
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    pair = socket.socketpair()
    pipe = os.pipe()

    give_up_connections(frozenset([port ^ 1]), [f"tcp://127.0.0.1:{port ^ 1}", f"tcp://localhost:{port}", "nonsense"])

    fds = [near, far, listener.fileno(), idle.fileno(), datagrams.fileno(), pair[0].fileno(), pair[1].fileno(), *pipe]
    assert all(map(is_open, fds))
    for each in (idle, datagrams, *pair):
        each.close()
    for fd in (near, far, *pipe):
        os.close(fd)


@pytest.mark.usefixtures("default_timeout")
@pytest.mark.parametrize("is_blocking", [True, False])
def test_what_stays_is_not_changed(listener: socket.socket, is_blocking: bool) -> None:
    """Whether a socket blocks is the parent's affair: the copies of both processes are one to the kernel."""
    fds = [*connect(listener), *(one.detach() for one in socket.socketpair())]
    for fd in fds:
        os.set_blocking(fd, is_blocking)

    give_up_connections(frozenset(), [])

    assert [os.get_blocking(fd) for fd in fds] == [is_blocking] * 4
    for fd in fds:
        os.close(fd)
