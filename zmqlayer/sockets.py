"""
How a node's sockets are made: which limits, pauses and keys all of them have, how they listen and how they connect.
Used by ``transport.py`` and ``pushes.py``, which say what their own kinds have besides.
"""

from __future__ import annotations

import errno
import os
import socket as tcp
from collections.abc import Sequence
from typing import Final, cast

import zmq

from zmqlayer.exceptions import TransportError
from zmqlayer.frames import FRAME_SLACK
from zmqlayer.greetings import address_of, is_numeric
from zmqlayer.scheduling import may_wait_its_turn
from zmqlayer.security import Keys

__all__ = ["Sockets", "connect", "descriptor_of", "is_ready", "socket_at"]

DEAD_AFTER_S: Final = 3

WATCHED: Final = 3
"""Sockets that one takes whose handshakes are watched: itself, and the two ends of its monitor."""


class Sockets:
    """
    Makes the sockets of one node.

    Args:
        host: Where to listen; ``*`` for everywhere.
        keys: CURVE keys for each door, the primary one first; none for plain sockets.
        max_frame_size: Bytes; a peer that sends a bigger frame is disconnected by libzmq.
        most_dialled: Addresses that are dialled at the same time; libzmq has a table of sockets with a bound.
    """

    def __init__(self, host: str, keys: Sequence[Keys], max_frame_size: int, most_dialled: int) -> None:
        self._host = host
        self._keys = tuple(keys)
        self._most_dialled = most_dialled
        self._max_frame_size = max_frame_size + FRAME_SLACK

    @property
    def doors(self) -> int:
        """How many doors the node has: one for each secret, or one without any."""
        return len(self._keys) or 1

    @property
    def is_encrypted(self) -> bool:
        """Whether sockets use CURVE."""
        return bool(self._keys)

    def open(self, *, in_batches: bool = False) -> None:
        """
        Start libzmq: before the first socket, and in the process that uses it.

        Args:
            in_batches: Let its threads interrupt nobody; see ``docs/decisions/073-threads-that-wait-their-turn.md``.
        """
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        wanted = 1 + WATCHED * (2 * self.doors + self._most_dialled)  # SUB; PULL and XPUB of each door; PUSH
        self._context.set(zmq.MAX_SOCKETS, min(wanted, self._context.get(zmq.SOCKET_LIMIT)))
        if in_batches and may_wait_its_turn():
            self._context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_BATCH)

    def close(self, linger_s: float) -> None:
        """Close all sockets; frames that were accepted may still leave for *linger_s* seconds."""
        self._context.destroy(linger=int(linger_s * 1000))

    def create(self, kind: int) -> zmq.Socket[bytes]:
        """Return a new socket; it has no key yet."""
        socket = self._context.socket(kind)
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.MAXMSGSIZE, self._max_frame_size)
        # Four round trips of a second each; the links have timeouts of their own, and other sockets are not waited for.
        socket.set(zmq.HANDSHAKE_IVL, 6000)
        socket.set(zmq.CONNECT_TIMEOUT, 2000)
        _end_dead_connections(socket)
        socket.set(zmq.RECONNECT_IVL, 100)
        socket.set(zmq.RECONNECT_IVL_MAX, 2000)
        socket.set(zmq.IPV6, int(":" in self._host or self._host == "*"))
        return socket

    def use_key(self, socket: zmq.Socket[bytes], door: int, *, is_server: bool) -> None:
        """Let a socket use the key of a door; SUB and PUSH from the next connection on, which keeps it."""
        if not self._keys:
            # Refuse what speaks no ZMTP, or one older than its security; otherwise libzmq would take HTTP for it.
            socket.set(zmq.ZAP_DOMAIN, b"zmqlayer")
            return
        keys = self._keys[door]
        socket.curve_secretkey = keys.secret
        socket.curve_publickey = keys.public
        if is_server:
            socket.curve_server = True
        else:
            socket.curve_serverkey = keys.public

    def bind(self, socket: zmq.Socket[bytes], port: int) -> int:
        """
        Let a socket listen.

        Args:
            port: 0 for a free one.

        Returns:
            The port.

        Raises:
            TransportError: The address or the port cannot be used.
        """
        address = address_of(self._host, port) if port else address_of(self._host, 0)[:-1] + "*"
        try:
            socket.bind(address)
        except zmq.ZMQError as exc:
            raise TransportError(
                f"cannot listen on {address}: {exc.strerror}; choose another bind, or 0 as port for a free one"
            ) from exc
        endpoint = socket.get(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)  # the option is a string
        return int(endpoint.rstrip(b"\0").rpartition(b":")[2])


def descriptor_of(socket: zmq.Socket[bytes]) -> int:
    """Return the file descriptor that is readable while there is something to look into."""
    return cast(int, socket.get(zmq.FD))


def is_ready(socket: zmq.Socket[bytes], events: int) -> bool:
    """
    Look into a socket: whether one can receive (POLLIN), or send (POLLOUT). Its descriptor says only that this changes.

    ZMQ_EVENTS says the same; pyzmq takes three times as long to read an option as to poll one socket.
    """
    return bool(zmq.zmq_poll([(socket, events)], 0))


def socket_at(descriptor: int) -> tcp.socket:
    """
    Return a socket that somebody else opened, as Python has it, to be asked about; close or detach it.

    Python would make it non-blocking if the program has called ``socket.setdefaulttimeout``, and every copy of it with
    it, also in other processes: the kernel keeps that once for all. It does not where it is told that this is so
    already. So ``type`` says nothing: SO_TYPE does.

    Raises:
        OSError: There is no socket.
    """
    return tcp.socket(type=tcp.SOCK_STREAM | tcp.SOCK_NONBLOCK, fileno=descriptor)


def connect(socket: zmq.Socket[bytes], address: str) -> None:
    """
    Connect, with IPv6 for this address only if it is one.

    Raises:
        ZMQError: It has no IP address: libzmq would look a name up on the one thread that carries everything, and a
            resolver that hangs would stop this node.
    """
    if not is_numeric(address):
        raise zmq.ZMQError(errno.EINVAL, "no IP address and port")
    socket.set(zmq.IPV6, int("[" in address))
    socket.connect(address)


def _end_dead_connections(socket: zmq.Socket[bytes]) -> None:
    """
    Have a connection end whose other side is out of reach, three to four seconds after it last answered.

    The kernel sees that at no cost. ZeroMQ's own pings have a timer for each connection, and a search through all of
    them for each answer: with a hundred peers that was most of what a node did. Elsewhere than on Linux there are few.
    """
    if hasattr(tcp, "TCP_USER_TIMEOUT"):
        # An idle connection is probed after 2 and 3 s, and ends at the next look if neither was answered: the kernel
        # loses probes, too, where thousands are due at once.
        socket.set(zmq.TCP_MAXRT, 3500)
        socket.set(zmq.TCP_KEEPALIVE, 1)
        socket.set(zmq.TCP_KEEPALIVE_IDLE, 2)
        socket.set(zmq.TCP_KEEPALIVE_INTVL, 1)
        socket.set(zmq.TCP_KEEPALIVE_CNT, DEAD_AFTER_S)
    else:
        socket.set(zmq.HEARTBEAT_IVL, 1000)
        socket.set(zmq.HEARTBEAT_TIMEOUT, DEAD_AFTER_S * 1000)
        socket.set(zmq.HEARTBEAT_TTL, (DEAD_AFTER_S + 1) * 1000)
