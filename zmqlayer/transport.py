"""
ZeroMQ: the sockets of one node, used by one thread at a time. It carries frames and decides nothing.

XPUB (bound) and SUB (connected to every peer's XPUB) carry what is addressed; PULL (bound) and one PUSH per
peer carry work and HELLO. A node with several secrets has one XPUB and one PULL for each: CURVE knows one key per
socket. ``docs/decisions`` has the reasons; options are explained where they are set, those of all in ``sockets.py``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, TypeVar

import zmq

from zmqlayer.actions import Action, Connect, Disconnect, HangUp, Probe, Publish, Push, Subscribe, Unsubscribe
from zmqlayer.bell import Bell
from zmqlayer.config import Bind
from zmqlayer.descriptors import Descriptors
from zmqlayer.frames import TOPIC_BYTES, is_shared, node_of
from zmqlayer.handshakes import DoorWatch
from zmqlayer.inheritance import give_up_connections
from zmqlayer.ports import Refusal
from zmqlayer.probes import Probes
from zmqlayer.publications import LARGE_BYTES, Publications
from zmqlayer.pushes import Pushes
from zmqlayer.security import Keys
from zmqlayer.sockets import Sockets, connect, descriptor_of, is_ready

__all__ = ["ZmqTransport"]

logger = logging.getLogger("zmqlayer")

Received = TypeVar("Received")

send: Final = zmq.backend.Socket.send  # what Socket.send calls in the end

BATCH: Final = 256
"""Frames drained from one socket in one go, so that none starves another."""

MAX_SUBSCRIPTION: Final = 1024
"""Bytes that a subscriber may send at once: a topic has 17, but CURVE's handshake has a few hundred."""


class ZmqTransport:
    """
    The sockets of one node.

    Args:
        bind: Where to listen.
        keys: CURVE keys for each door, the primary one first; none for plain sockets.
        max_frame_size: Bytes; a peer that sends a bigger frame is disconnected by libzmq.
        pipe_frames: Frames that one pipe holds at either end: more than the mesh lets be outstanding to a peer.
        published_bytes: Bytes of large group frames that wait in all pipes together.
        most_dialled: Addresses that are dialled at the same time.
    """

    def __init__(
        self, bind: Bind, keys: Sequence[Keys], max_frame_size: int, pipe_frames: int, published_bytes: int,
        most_dialled: int,
    ) -> None:  # fmt: skip
        self.lost: Counter[str] = Counter()
        self._port = bind.port
        self._sockets = Sockets(bind.host, keys, max_frame_size, most_dialled)
        self._pipe_frames = pipe_frames
        self._subs: set[str] = set()
        self._pulls: list[zmq.Socket[bytes]] = []
        self._xpubs: list[zmq.Socket[bytes]] = []
        self._watches: list[DoorWatch] = []
        self._refusals: list[Refusal] = []
        self._topics: Counter[bytes] = Counter()
        self._publications = Publications(published_bytes)
        self._suspects: set[zmq.Socket[bytes]] = set()

    def open(self, *, in_batches: bool = False) -> list[tuple[int, int]]:
        """
        Create and bind the sockets. Whatever is raised, none is left: the garbage collector would wait for it.

        Returns:
            The ports of PULL and XPUB for each door.

        Raises:
            TransportError: The address or a port cannot be used.
        """
        with ExitStack() as opened:
            ports = self._open(opened, in_batches=in_batches)
            opened.pop_all()
        return ports

    @property
    def has_input(self) -> bool:
        """Whether there may be something for :meth:`collect` that no descriptor tells of (any more)."""
        return bool(self._suspects) or self._probes.has_results

    def fileno(self) -> int:
        """Return the descriptor that is readable while something arrives, or the bell rings."""
        return self._descriptors.fileno()

    def wait(self, timeout_s: float) -> AbstractSet[int]:
        """Wait for something to arrive, at most *timeout_s* seconds, on any thread. Returns where."""
        return self._descriptors.ready(timeout_s)

    def peek(self) -> AbstractSet[int]:
        """Return where something has arrived, without waiting; nothing if it is not at ZeroMQ's sockets alone."""
        ready = self._descriptors.ready(0)
        return ready if ready <= self._frames_at else frozenset()

    def collect(self, ready: AbstractSet[int]) -> tuple[list[bytes], list[bytes]]:
        """
        Take what has arrived.

        Args:
            ready: What :meth:`wait` returned. It may be out of date.

        Returns:
            Frames from SUB and PULL, and what XPUB reports: a byte 1 or 0, then the topic.
        """
        if not ready <= self._frames_at:  # rarely is anything else the matter
            self._bell.hush(ready)
            self._watch_doors(ready)
            self._refusals += self._pushes.go_on(ready)
            self._probes.collect(ready)
        # Last of all: what was taken from a socket would be lost if anything failed before it is returned.
        frames: list[bytes] = []
        reports: list[zmq.Frame] = []
        for descriptor, socket in self._inputs:
            if descriptor in ready or socket in self._suspects:
                self._drain(socket, socket.recv, frames.append)
        for descriptor, socket in self._reports:
            if descriptor in ready or socket in self._suspects:
                self._drain(socket, partial(_receive_report, socket), reports.append)
        changes = [report.bytes for report in reports if _is_change(report)]
        return frames, changes if len(self._xpubs) == 1 else self._merge(changes)

    def refusals(self) -> list[Refusal]:
        """Return the handshakes that failed since the last call."""
        if not self._refusals:
            return []
        taken, self._refusals = self._refusals, []
        return taken

    def probed(self) -> list[tuple[str, bool]]:
        """Return (address, whether it accepted or refused) for each probe that ended since the last call."""
        return self._probes.results()

    def wake(self) -> None:
        """End :meth:`wait` early; on any thread, at any moment."""
        self._bell.ring()

    def carry_out(self, actions: Iterable[Action]) -> None:
        """Do what the mesh decided, in order. What fails takes along none of those behind it: they are others'."""
        do = self._do
        has_published = False
        for action in actions:
            has_published = has_published or type(action) is Publish
            try:
                do[type(action)](action)
            except Exception:
                logger.exception("the node met a bug of its own at a %s and goes on", type(action).__name__)
        # Sending may have looked into the socket, and then its descriptor is silent.
        for xpub in self._xpubs if has_published else ():
            if is_ready(xpub, zmq.POLLIN):
                self._suspects.add(xpub)

    def close(self, linger_s: float) -> None:
        """Close everything, until it is opened again; frames that were accepted may leave for *linger_s* seconds."""
        self._probes.close()
        self._descriptors.close()
        self._sockets.close(linger_s)
        self._bell.close()
        self._forget_doors()

    def disown(self) -> None:
        """
        Give up this process's copies of the connections, in a child that was forked after :meth:`open`.

        libzmq must not be called here: its threads are missing, and its signals would reach those of the parent.
        """
        self._descriptors.close()
        self._probes.close()
        give_up_connections(self._ports, {*self._pushes.addresses, *self._subs})
        self._bell.disown()

    def _open(self, opened: ExitStack, *, in_batches: bool) -> list[tuple[int, int]]:
        """Do what :meth:`open` says; *opened* closes it again."""
        opened.callback(self._forget_doors)
        self._sockets.open(in_batches=in_batches)
        opened.callback(self._sockets.close, 0)
        self._descriptors = Descriptors()
        opened.callback(self._descriptors.close)
        self._bell = Bell(self._descriptors)
        opened.callback(self._bell.close)
        self._probes = Probes(self._descriptors)
        self._pushes = Pushes(self._sockets, self._descriptors, self._probes, self._lose)
        self._do: dict[type, Callable[[Any], None]] = {
            Publish: self._publish,
            Push: self._pushes.push,
            Probe: lambda action: self._probes.start(action.address),
            HangUp: self._pushes.hang_up,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Connect: self._connect,
            Disconnect: self._disconnect,
        }
        self._sub = self._sockets.create(zmq.SUB)
        # SUB silently drops its own subscriptions beyond SNDHWM (libzmq#2258).
        self._sub.set(zmq.SNDHWM, 0)
        self._sub.set(zmq.RCVHWM, self._pipe_frames)
        ports = [self._open_door(number) for number in range(self._sockets.doors)]
        self._inputs = [(descriptor_of(socket), socket) for socket in (self._sub, *self._pulls)]
        self._reports = [(descriptor_of(socket), socket) for socket in self._xpubs]
        self._frames_at = frozenset(dict(self._inputs + self._reports))
        for descriptor in [*self._frames_at, *(watch.descriptor for watch in self._watches)]:
            self._descriptors.watch(descriptor)
        # A descriptor tells of what comes from now on.
        self._suspects.update(socket for _, socket in self._inputs + self._reports)
        self._ports = frozenset(port for pair in ports for port in pair)
        return ports

    def _forget_doors(self) -> None:
        for closed in (self._pulls, self._xpubs, self._watches, self._suspects):
            closed.clear()

    def _open_door(self, number: int) -> tuple[int, int]:
        pull, xpub = self._sockets.create(zmq.PULL), self._sockets.create(zmq.XPUB)
        # EAGAIN instead of a silent drop, for a pipe that is full and matches the topic.
        xpub.set(zmq.XPUB_NODROP, 1)
        xpub.set(zmq.SNDHWM, self._pipe_frames)
        # libzmq keeps some 50 bytes for each byte of a topic.
        xpub.set(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION)
        for socket in (pull, xpub):
            self._sockets.use_key(socket, number, is_server=True)
            self._watches.append(DoorWatch(socket, is_encrypted=self._sockets.is_encrypted))
        self._pulls.append(pull)
        self._xpubs.append(xpub)
        port = self._port and self._port + 2 * number
        return self._sockets.bind(pull, port), self._sockets.bind(xpub, port and port + 1)

    def _merge(self, changes: list[bytes]) -> list[bytes]:
        """Of what several XPUBs report keep the first subscription to a topic at any, and the end of the last one."""
        merged = []
        for change in changes:
            topic, before = change[1:], self._topics[change[1:]]
            self._topics[topic] += 1 if change[0] else -1
            if self._topics[topic] <= 0:
                del self._topics[topic]
            if bool(before) != (topic in self._topics):
                merged.append(change)
        return merged

    def _drain(
        self, socket: zmq.Socket[bytes], receive: Callable[[int], Received], append: Callable[[Received], None]
    ) -> None:
        """Take what a socket holds; when it is empty, or nearly so, its descriptor tells of what comes next."""
        self._suspects.discard(socket)
        try:
            append(receive(zmq.NOBLOCK))
            if not is_ready(socket, zmq.POLLIN):
                return  # a frame that comes alone waits less for this question than for an exception
            for _ in range(BATCH - 1):
                append(receive(zmq.NOBLOCK))
        except zmq.Again:
            return
        self._suspects.add(socket)

    def _watch_doors(self, ready: AbstractSet[int]) -> None:
        for watch in self._watches:
            if watch.descriptor in ready:
                self._refusals += watch.read()

    def _publish(self, action: Publish) -> None:
        wire = action.wire
        if len(wire) >= LARGE_BYTES and is_shared(wire[:TOPIC_BYTES]):
            self._publish_large(wire)
            return
        for xpub in self._xpubs:
            try:
                send(xpub, wire, zmq.NOBLOCK)
            except zmq.Again:
                self._publish_to_full(xpub, wire)

    def _publish_large(self, wire: bytes) -> None:
        frame = self._publications.admit(wire)
        if frame is None:
            self._lose("too much published")
            return
        for xpub in self._xpubs:
            try:
                xpub.send(frame, zmq.NOBLOCK, copy=False)
            except zmq.Again:
                self._publish_to_full(xpub, wire)

    def _publish_to_full(self, xpub: zmq.Socket[bytes], wire: bytes) -> None:
        """A pipe is full. One node's own frame is lost; a shared one goes to all but the full ones."""
        self._lose("pipe full")
        if is_shared(wire[:TOPIC_BYTES]):
            xpub.set(zmq.XPUB_NODROP, 0)
            xpub.send(wire, zmq.NOBLOCK)
            xpub.set(zmq.XPUB_NODROP, 1)

    def _lose(self, reason: str) -> None:
        if not self.lost[reason]:
            logger.warning(
                "dropped a frame that could not be sent: %s; further ones are only counted, as 'frames lost: %s'",
                reason, reason,
            )  # fmt: skip
        self.lost[reason] += 1

    def _subscribe(self, action: Subscribe) -> None:
        self._sub.subscribe(action.topic)

    def _unsubscribe(self, action: Unsubscribe) -> None:
        self._sub.unsubscribe(action.topic)

    def _connect(self, action: Connect) -> None:
        try:
            self._sockets.use_key(self._sub, action.door, is_server=False)
            connect(self._sub, action.address)
            self._suspects.add(self._sub)  # connecting looks into the socket
        except zmq.ZMQError as exc:
            logger.debug("! cannot connect to %s: %s", action.address, exc)
        else:
            self._subs.add(action.address)

    def _disconnect(self, action: Disconnect) -> None:
        if action.address in self._subs:
            self._subs.discard(action.address)
            self._sub.disconnect(action.address)
            self._suspects.add(self._sub)


def _receive_report(xpub: zmq.Socket[bytes], flags: int) -> zmq.Frame:
    return xpub.recv(flags, copy=False)  # a frame tells more than its bytes; SUB and PULL are too busy for them


def _is_change(report: zmq.Frame) -> bool:
    """
    Whether XPUB tells of a topic that came or went.

    Not if it hands on a message that somebody sent upstream; nor if somebody cancels a node's own topic. No node does
    that with its own, and libzmq reports it even if he never subscribed: only the end of a connection counts.
    """
    change = report.bytes
    if len(change) != TOPIC_BYTES + 1 or change[0] > 1:
        return False
    return change[0] == 1 or node_of(change[1:]) is None or not _is_said(report)


def _is_said(report: zmq.Frame) -> bool:
    """Whether a report is of what came over a connection, not of the connection's end: libzmq then tells from where."""
    try:
        report.get("Peer-Address")
    except zmq.ZMQError:
        return False
    return True
