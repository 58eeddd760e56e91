"""
The PUSH sockets of a node, one for each address it dials, and what waits at them. Used by ``transport.py`` only.

ZeroMQ queues nothing here for an address where nobody answers: frames wait on our side, and end with the hang-up.
The first handshake at an address is watched; what comes later is for the link to notice.
"""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Callable, Container, Iterable
from contextlib import ExitStack
from typing import Final

import zmq

from zmqlayer.actions import HangUp, Push
from zmqlayer.descriptors import Descriptors
from zmqlayer.handshakes import DialWatch
from zmqlayer.ports import Refusal
from zmqlayer.probes import Probes
from zmqlayer.sockets import Sockets, connect, descriptor_of, is_ready

__all__ = ["Pushes"]

send: Final = zmq.backend.Socket.send  # what Socket.send calls in the end

logger = logging.getLogger("zmqlayer")

EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.ENOSPC))
"""What is wrong here and not with the address: no descriptors, sockets or memory left, or no more to be watched."""


class _Push:
    """One PUSH, its descriptor, the door whose secret it uses, and what waits until it is connected or has room."""

    __slots__ = ("descriptor", "door", "socket", "waiting")

    def __init__(self, socket: zmq.Socket[bytes], door: int) -> None:
        self.socket = socket
        self.descriptor = descriptor_of(socket)
        self.door = door
        self.waiting: deque[bytes] = deque()


class Pushes:
    """
    The PUSH sockets of one node. Nothing here blocks.

    Args:
        sockets: Makes them.
        descriptors: Told what to wait for.
        probes: A probe of an address that is dialled or hung up on is given up.
        lose: Called with the reason when a frame is lost because there is nothing left to dial with.
    """

    def __init__(self, sockets: Sockets, descriptors: Descriptors, probes: Probes, lose: Callable[[str], None]) -> None:
        self._sockets = sockets
        self._descriptors = descriptors
        self._probes = probes
        self._lose = lose
        self._pushes: dict[str, _Push] = {}
        self._full: dict[str, _Push] = {}
        self._dials: dict[str, DialWatch] = {}

    @property
    def addresses(self) -> Iterable[str]:
        """Where somebody is dialled."""
        return self._pushes.keys()

    def push(self, action: Push) -> None:
        """Send a frame, or let it wait; dials if nobody is dialled there, or with the secret of another door."""
        push = self._pushes.get(action.address)
        if push is None or action.door not in (None, push.door):
            push = self._dial(action.address, action.door or 0)
        if push is None:
            return
        if not push.waiting:
            try:
                send(push.socket, action.wire, zmq.NOBLOCK)
            except zmq.Again:
                self._descriptors.watch(push.descriptor)
                self._full[action.address] = push
            else:
                return
        push.waiting.append(action.wire)

    def hang_up(self, action: HangUp) -> None:
        """Close the connection to an address; what waits for it is gone."""
        self._probes.cancel(action.address)
        push = self._pushes.pop(action.address, None)
        self._full.pop(action.address, None)
        if push is None:
            return
        self._end_watch(action.address)
        self._descriptors.unwatch(push.descriptor)
        push.socket.close(0)

    def go_on(self, ready: Container[int]) -> list[Refusal]:
        """Look at the sockets behind *ready*: send what waits there. Returns the first handshakes that failed."""
        refusals: list[Refusal] = []
        for address, watch in list(self._dials.items()):
            if watch.descriptor in ready:
                has_succeeded, failures = watch.read()
                refusals += failures
                if has_succeeded:
                    self._end_watch(address)
        for address, push in list(self._full.items()):
            if push.descriptor in ready and is_ready(push.socket, zmq.POLLOUT):
                self._flush(address, push)
        return refusals

    def _dial(self, address: str, door: int) -> _Push | None:
        """Begin to connect. Whatever goes wrong is as if nobody answered, and leaves nothing behind."""
        self.hang_up(HangUp(address))
        try:
            with ExitStack() as opened:
                push, watch = self._connect(opened, address, door)
                self._descriptors.watch(watch.descriptor)
                opened.pop_all()
        except (zmq.ZMQError, OSError) as exc:
            logger.debug("! cannot dial %s: %s", address, exc)
            if exc.errno in EXHAUSTED:
                self._lose(f"cannot dial: {exc.strerror}")
            return None
        self._pushes[address] = push
        self._dials[address] = watch
        return push

    def _connect(self, opened: ExitStack, address: str, door: int) -> tuple[_Push, DialWatch]:
        """Return a new socket that connects, and the watch of its handshake; *opened* closes them again."""
        socket = self._sockets.create(zmq.PUSH)
        opened.callback(socket.close, 0)
        self._sockets.use_key(socket, door, is_server=False)
        # Queue nothing for an address where nobody answers: it would reach the next process there.
        socket.set(zmq.IMMEDIATE, 1)
        watch = DialWatch(socket, address, is_encrypted=self._sockets.is_encrypted)
        opened.callback(watch.close)
        connect(socket, address)
        return _Push(socket, door), watch

    def _flush(self, address: str, push: _Push) -> None:
        try:
            while push.waiting:
                send(push.socket, push.waiting[0], zmq.NOBLOCK)
                push.waiting.popleft()
        except zmq.Again:
            return
        self._descriptors.unwatch(push.descriptor)
        del self._full[address]

    def _end_watch(self, address: str) -> None:
        """The first handshake at *address* is over, well or not."""
        watch = self._dials.pop(address, None)
        if watch is not None:
            self._descriptors.unwatch(watch.descriptor)
            watch.close()
