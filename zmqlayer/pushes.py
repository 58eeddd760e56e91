"""
The PUSH sockets of a node, one for each address it dials, and what waits at them. Used by ``transport.py`` only.

ZeroMQ queues nothing here for an address where nobody answers: frames wait on our side, and end with the hang-up.
The first handshake at an address is watched; what comes later is for the link to notice.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Container, Iterable

import zmq

from zmqlayer.actions import HangUp, Push
from zmqlayer.handshakes import DialWatch
from zmqlayer.ports import Refusal
from zmqlayer.probes import Probes
from zmqlayer.sockets import Sockets, connect

__all__ = ["Pushes"]

logger = logging.getLogger("zmqlayer")


class _Push:
    """One PUSH, the door whose secret it uses, and what waits until it is connected or has room."""

    __slots__ = ("door", "socket", "waiting")

    def __init__(self, socket: zmq.Socket[bytes], door: int) -> None:
        self.socket = socket
        self.door = door
        self.waiting: deque[bytes] = deque()


class Pushes:
    """
    The PUSH sockets of one node. Nothing here blocks.

    Args:
        sockets: Makes them.
        poller: Told of the sockets to wait for.
        probes: A probe of an address that is dialled or hung up on is given up.
    """

    def __init__(self, sockets: Sockets, poller: zmq.Poller, probes: Probes) -> None:
        self._sockets = sockets
        self._poller = poller
        self._probes = probes
        self._pushes: dict[str, _Push] = {}
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
        push.waiting.append(action.wire)
        self._flush(push)

    def hang_up(self, action: HangUp) -> None:
        """Close the connection to an address; what waits for it is gone."""
        self._probes.cancel(action.address)
        push = self._pushes.pop(action.address, None)
        if push is None:
            return
        self._end_watch(action.address)
        if push.socket in self._poller:
            self._poller.unregister(push.socket)
        push.socket.close(0)

    def go_on(self, ready: Container[object]) -> list[Refusal]:
        """Look at the sockets that are *ready*: send what waits there. Returns the first handshakes that failed."""
        refusals: list[Refusal] = []
        for address, watch in list(self._dials.items()):
            if watch.socket in ready:
                has_succeeded, failures = watch.read()
                refusals += failures
                if has_succeeded:
                    self._end_watch(address)
        for push in self._pushes.values():
            if push.waiting and push.socket in ready:
                self._flush(push)
        return refusals

    def _dial(self, address: str, door: int) -> _Push | None:
        self.hang_up(HangUp(address))
        socket = self._sockets.create(zmq.PUSH)
        self._sockets.use_key(socket, door, is_server=False)
        # Queue nothing for an address where nobody answers: it would reach the next process there.
        socket.set(zmq.IMMEDIATE, 1)
        watch = DialWatch(socket, address, is_encrypted=self._sockets.is_encrypted)
        try:
            connect(socket, address)
        except zmq.ZMQError as exc:
            logger.debug("! cannot dial %s: %s", address, exc)
            watch.close()
            socket.close(0)
            return None
        push = self._pushes[address] = _Push(socket, door)
        self._dials[address] = watch
        self._poller.register(watch.socket, zmq.POLLIN)
        return push

    def _flush(self, push: _Push) -> None:
        try:
            while push.waiting:
                push.socket.send(push.waiting[0], zmq.NOBLOCK)
                push.waiting.popleft()
        except zmq.Again:
            self._poller.register(push.socket, zmq.POLLOUT)
        else:
            if push.socket in self._poller:
                self._poller.unregister(push.socket)

    def _end_watch(self, address: str) -> None:
        """The first handshake at *address* is over, well or not."""
        watch = self._dials.pop(address, None)
        if watch is not None:
            self._poller.unregister(watch.socket)
            watch.close()
