"""
Handshakes of ZeroMQ that fail, as libzmq's monitors tell of them. Used by ``transport.py`` and
``pushes.py``.

A monitor reports the steps of a socket's connections. At the bound end it names a connection by its file descriptor,
and the failure itself not at all; but one thread of libzmq does all, so that "disconnected" with the descriptor comes
right behind "failed". What ends after neither failure nor success never spoke ZeroMQ.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Final

import zmq

from zmqlayer.ports import Fault, Refusal
from zmqlayer.sockets import descriptor_of, socket_at

__all__ = ["DialWatch", "DoorWatch", "host_behind"]

MOST_EVENTS: Final = 10_000
"""Events that wait to be read. Beyond them libzmq's own thread waits: for a node that stands still anyway."""

_CRYPTOGRAPHIC: Final = 0x11000001
_MECHANISM_MISMATCH: Final = 0x11000002
_TIMED_OUT: Final = (errno.EAGAIN, errno.ETIMEDOUT)

_FAILED: Final = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_ENDS: Final = _FAILED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
_EVENT: Final = struct.Struct("=HI")
_numbers: Final = itertools.count()


class _Monitor:
    """Reads what libzmq reports of one socket, as (event, value)."""

    def __init__(self, watched: zmq.Socket[bytes], events: int) -> None:
        self._watched = watched
        address = f"inproc://handshakes-{next(_numbers)}"
        watched.monitor(address, events)
        with ExitStack() as opened:
            opened.callback(watched.disable_monitor)
            self.socket: zmq.Socket[bytes] = watched.context.socket(zmq.PAIR)
            opened.callback(self.socket.close, 0)
            self.socket.set(zmq.LINGER, 0)
            self.socket.set(zmq.RCVHWM, MOST_EVENTS)
            self.socket.connect(address)
            self.descriptor = descriptor_of(self.socket)
            self.socket.get(zmq.EVENTS)  # only who has once found nothing is told of what comes
            opened.pop_all()

    def read(self) -> Iterator[tuple[int, int]]:
        try:
            while True:
                yield _EVENT.unpack(self.socket.recv_multipart(zmq.NOBLOCK)[0])
        except zmq.Again:
            return

    def close(self) -> None:
        self._watched.disable_monitor()
        self.socket.close(0)


class DoorWatch:
    """
    Watches a bound socket for who is refused.

    Args:
        is_encrypted: Whether the socket uses CURVE.
    """

    def __init__(self, watched: zmq.Socket[bytes], *, is_encrypted: bool) -> None:
        self._is_encrypted = is_encrypted
        self._monitor = _Monitor(watched, zmq.EVENT_ACCEPTED | _ENDS)
        self._accepted: dict[int, tuple[str, int]] = {}
        self._successes = 0
        self._failure: tuple[int, int] | None = None

    @property
    def descriptor(self) -> int:
        """To be watched for input."""
        return self._monitor.descriptor

    def read(self) -> list[Refusal]:
        """Return who was refused since the last call."""
        refusals = (self._take(event, value) for event, value in self._monitor.read())
        return [refusal for refusal in refusals if refusal is not None]

    def _take(self, event: int, value: int) -> Refusal | None:
        if event == zmq.EVENT_ACCEPTED:
            self._accepted[value] = (host_behind(value), self._successes)
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._successes += 1
        elif event & _FAILED:
            self._failure = (event, value)
        else:
            host, successes = self._accepted.pop(value, ("", -1))
            failure, self._failure = self._failure, None
            fault = self._judge(failure, never_succeeded=successes == self._successes)
            return None if fault is None else Refusal(host, False, fault)
        return None

    def _judge(self, failure: tuple[int, int] | None, *, never_succeeded: bool) -> Fault | None:
        if failure is None:
            return Fault.STRANGER if never_succeeded else None
        event, value = failure
        if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:  # it hung up, as a dial does that is given up
            return Fault.STRANGER if value in _TIMED_OUT else None
        return _fault_of(value, is_encrypted=self._is_encrypted)


class DialWatch:
    """
    Watches a socket that dials one address, until the handshake succeeds.

    Args:
        is_encrypted: Whether the socket uses CURVE.
    """

    def __init__(self, watched: zmq.Socket[bytes], address: str, *, is_encrypted: bool) -> None:
        self._address = address
        self._is_encrypted = is_encrypted
        self._monitor = _Monitor(watched, _ENDS)
        self._has_failed = False  # the handshake that ends next; its end may come with the next call of read()

    @property
    def descriptor(self) -> int:
        """To be watched for input."""
        return self._monitor.descriptor

    def read(self) -> tuple[bool, list[Refusal]]:
        """Return (whether the handshake succeeded, how often it failed since the last call)."""
        faults: list[Fault] = []
        for event, value in self._monitor.read():
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return True, []
            fault = self._judge(event, value) if event & _FAILED else None if self._has_failed else Fault.STRANGER
            self._has_failed = bool(event & _FAILED)
            if fault is not None:
                faults.append(fault)
        return False, [Refusal(self._address, True, fault) for fault in faults[:1]]

    def close(self) -> None:
        """Watch no longer; before the socket itself is closed."""
        self._monitor.close()

    def _judge(self, event: int, value: int) -> Fault | None:
        if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:  # who is shown another secret just hangs up
            return Fault.SECRET if self._is_encrypted and value not in _TIMED_OUT else None
        return _fault_of(value, is_encrypted=self._is_encrypted)


def _fault_of(value: int, *, is_encrypted: bool) -> Fault:
    if value == _MECHANISM_MISMATCH:
        return Fault.PLAIN if is_encrypted else Fault.ENCRYPTED
    return Fault.SECRET if value == _CRYPTOGRAPHIC or is_encrypted else Fault.STRANGER


def host_behind(descriptor: int) -> str:
    """
    Return who is connected to a socket of libzmq, or nothing if it was closed meanwhile.

    Its number may be that of anything else by now: a pipe, a UNIX socket, another connection.
    """
    with suppress(OSError), ExitStack() as opened:
        copy = os.dup(descriptor)
        opened.callback(os.close, copy)
        connection = socket_at(copy)
        opened.callback(connection.detach)
        is_tcp = connection.family in (socket.AF_INET, socket.AF_INET6)
        return str(connection.getpeername()[0]) if is_tcp else ""
    return ""
