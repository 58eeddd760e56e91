"""How sockets are made: where they listen, and what they have of IPv6 and of keys."""

from __future__ import annotations

import os
import select
import socket as tcp
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from support.kept_sockets import KeptSockets
from zmqlayer.exceptions import TransportError
from zmqlayer.frames import FRAME_SLACK
from zmqlayer.security import Keys
from zmqlayer.sockets import Sockets, connect, descriptor_of, is_ready

WITHIN_MS = 10_000
KEYS = Keys.derive(b"s" * 32, "cluster"), Keys.derive(b"x" * 32, "cluster")


@pytest.fixture
def open_sockets() -> Iterator[Callable[..., Sockets]]:
    """Return a function that begins to make sockets; all are closed in the end."""
    opened: list[Sockets] = []

    def open_sockets(*keys: Keys, host: str = "127.0.0.1") -> Sockets:
        opened.append(KeptSockets(host, keys, 1000, 100))
        opened[-1].open()
        return opened[-1]

    yield open_sockets
    for one in opened:
        one.close(0)


def test_a_port_in_use_is_named(open_sockets: Callable[..., Sockets]) -> None:
    """The error says which address, and what to do."""
    sockets = open_sockets()
    port = sockets.bind(sockets.create(zmq.PULL), 0)

    with pytest.raises(TransportError, match=f"cannot listen on tcp://127.0.0.1:{port}: .* choose another"):
        sockets.bind(sockets.create(zmq.PULL), port)


@pytest.mark.parametrize(("host", "has_ipv6"), [("127.0.0.1", 0), ("::1", 1), ("*", 1)])
def test_ipv6_where_the_host_asks_for_it(open_sockets: Callable[..., Sockets], host: str, has_ipv6: int) -> None:
    """A socket may use IPv6 if it listens there."""
    assert open_sockets(host=host).create(zmq.PULL).get(zmq.IPV6) == has_ipv6


def test_each_connection_has_its_own_family(open_sockets: Callable[..., Sockets]) -> None:
    """IPv6 is used for an IPv6 address and no other, whatever the node listens on."""
    sub = open_sockets(host="*").create(zmq.SUB)

    families = []
    for address in ("tcp://127.0.0.1:1", "tcp://[::1]:1"):
        connect(sub, address)
        families.append(sub.get(zmq.IPV6))

    assert families == [0, 1]


def test_zeromq_is_given_no_name(open_sockets: Callable[..., Sockets]) -> None:
    """It would look it up on its only thread, and all frames would wait for the resolver."""
    sub = open_sockets().create(zmq.SUB)

    with pytest.raises(zmq.ZMQError, match="no IP address"):
        connect(sub, "tcp://localhost:1")


@pytest.mark.skipif(not hasattr(tcp, "TCP_USER_TIMEOUT"), reason="ZeroMQ's own pings there")
def test_a_lost_probe_ends_no_connection(open_sockets: Callable[..., Sockets]) -> None:
    """The kernel has two probes of an idle connection to lose before it gives it up, and gives it up within 4 s."""
    socket = open_sockets().create(zmq.SUB)
    options = zmq.TCP_KEEPALIVE_IDLE, zmq.TCP_KEEPALIVE_INTVL, zmq.TCP_MAXRT
    first_s, pause_s, unanswered_ms = map(socket.get, options)

    assert 1000 * (first_s + pause_s) < unanswered_ms < 1000 * (first_s + 2 * pause_s) <= 4000


def scheduled() -> dict[str, int]:
    """Return how libzmq's threads of this process are scheduled that move messages, by their ids."""
    tasks = [task for task in Path("/proc/self/task").iterdir() if "/IO/" in (task / "comm").read_text()]
    return {task.name: os.sched_getscheduler(int(task.name)) for task in tasks}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows threads that work in batches")
@pytest.mark.parametrize(
    ("in_batches", "is_refused", "is_special", "expected"),
    [(True, False, False, True), (False, False, False, False), (True, True, False, False), (True, False, True, False)],
    ids=["asked for", "not asked for", "refused", "decided by others"],
)
def test_libzmq_waits_its_turn(
    in_batches: bool, is_refused: bool, is_special: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it is asked to and may, and if nobody has said how this process is to be scheduled."""

    def refuse(*_: object) -> None:
        raise PermissionError

    sockets, before = KeptSockets("127.0.0.1", (), 1000, 100), scheduled()
    with monkeypatch.context() as patch:
        if is_refused:
            patch.setattr(os, "sched_setscheduler", refuse)
        if is_special:
            patch.setattr(os, "sched_getscheduler", lambda _: os.SCHED_IDLE)
        sockets.open(in_batches=in_batches)
    receiver, sender = sockets.create(zmq.PULL), sockets.create(zmq.PUSH)
    receiver.set(zmq.RCVTIMEO, WITHIN_MS)
    connect(sender, f"tcp://127.0.0.1:{sockets.bind(receiver, 0)}")
    sender.send(b"x")
    received = receiver.recv()  # the thread has begun: it says of itself how it is scheduled, and then takes its name
    new = {policy for task, policy in scheduled().items() if task not in before}

    assert received == b"x"
    assert new == {os.SCHED_BATCH if expected else os.SCHED_OTHER}
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    sockets.close(0)


def test_each_secret_is_a_door(open_sockets: Callable[..., Sockets]) -> None:
    """Sockets of every door use CURVE, as server or as client."""
    sockets = open_sockets(*KEYS)
    server, client = sockets.create(zmq.PULL), sockets.create(zmq.PUSH)

    sockets.use_key(server, 1, is_server=True)
    sockets.use_key(client, 1, is_server=False)

    assert (sockets.doors, sockets.is_encrypted) == (2, True)
    assert (server.get(zmq.MECHANISM), server.get(zmq.CURVE_SERVER)) == (zmq.CURVE, 1)
    assert (client.get(zmq.MECHANISM), client.get(zmq.CURVE_SERVER)) == (zmq.CURVE, 0)


def test_without_a_secret_there_is_one_plain_door(open_sockets: Callable[..., Sockets]) -> None:
    """No keys, and frames may be a header larger than messages."""
    sockets = open_sockets()
    pull = sockets.create(zmq.PULL)

    sockets.use_key(pull, 0, is_server=True)

    assert (sockets.doors, sockets.is_encrypted) == (1, False)
    assert (pull.get(zmq.MECHANISM), pull.get(zmq.MAXMSGSIZE)) == (zmq.NULL, 1000 + FRAME_SLACK)


def test_a_socket_says_whether_it_can_receive_or_send(open_sockets: Callable[..., Sockets]) -> None:
    """Looking takes nothing out, and once there is nothing left the descriptor tells of what comes next."""
    sockets = open_sockets()
    pull, push = sockets.create(zmq.PULL), sockets.create(zmq.PUSH)
    assert not is_ready(push, zmq.POLLOUT)
    connect(push, f"tcp://127.0.0.1:{sockets.bind(pull, 0)}")
    assert not is_ready(pull, zmq.POLLIN)

    for wire in (b"one", b"two"):
        assert push.poll(WITHIN_MS, zmq.POLLOUT)
        assert is_ready(push, zmq.POLLOUT)
        push.send(wire)
        assert select.select([descriptor_of(pull)], [], [], WITHIN_MS / 1000)[0]
        while not is_ready(pull, zmq.POLLIN):  # its descriptor tells of connections, too
            assert select.select([descriptor_of(pull)], [], [], WITHIN_MS / 1000)[0]
        assert is_ready(pull, zmq.POLLIN)
        assert pull.recv(zmq.NOBLOCK) == wire
        assert not is_ready(pull, zmq.POLLIN)
