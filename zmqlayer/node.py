"""
The node: one mesh, one transport, one discovery, and a life from start to close.

It decides nothing. Callers on any thread put questions to the mesh, which may change it; ``pump.py`` moves what
comes in and what goes out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from threading import get_ident
from typing import Final, TypeVar, cast

from zmqlayer.config import Config
from zmqlayer.ending import call_at_end
from zmqlayer.events import Completed, Interest, Notice, PeerChanged
from zmqlayer.exceptions import LayerClosed, ProtocolError
from zmqlayer.greetings import address_of
from zmqlayer.identity import Identity
from zmqlayer.mesh import Mesh
from zmqlayer.names import NODE_ID_BYTES, NodeId, short
from zmqlayer.peers import PeerInfo
from zmqlayer.ports import Announcement, Candidate, Clock, Discovery, Door, IdSource, Transport
from zmqlayer.pump import Driver, Pump
from zmqlayer.queues import Letter
from zmqlayer.scheduling import wait_its_turn
from zmqlayer.switchboard import Calls, Receiver, Switchboard
from zmqlayer.waiters import Taker, ThreadWaiter, Waiter, hand_over

__all__ = ["Node"]

logger = logging.getLogger("zmqlayer")

T = TypeVar("T")

CLOSE_LINGER_S: Final = 1.0
LOOK_AGAIN_S: Final = 1.0
"""Between two attempts to begin with discovery."""
_NEVER: Final = float("inf")


class _State(Enum):
    NEW = "new"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"
    ABANDONED = "abandoned"


RUNNING: Final = _State.RUNNING  # a name is faster than a member
OVER: Final = (_State.CLOSING, _State.CLOSED, _State.ABANDONED)


class Node:
    """
    One node of a mesh, in this process.

    Args:
        config: What it was told.
        role: What it is for, shown to people: ``"interface"``, ``"worker"``, ``"script"``.
        hosts: Hosts under which others can reach it.

    Attributes:
        pump: Moves its frames, once it has started.
        works_in_batches: Whether its threads are to; see ``ports.Transport``. Counts from the start on.
        in_hand: Channels whose next message was given to a coroutine that has not run since. If it is cancelled it
            gives that back, and nobody is to take what comes behind before.
        interrupts: How often :meth:`wake_receivers` was called.
    """

    def __init__(
        self, config: Config, role: str, hosts: tuple[str, ...], transport: Transport, discovery: Discovery,
        clock: Clock, randoms: IdSource,
    ) -> None:  # fmt: skip
        self.config = config
        self.role = role
        self.works_in_batches = False
        self.in_hand: set[str] = set()
        self.interrupts = 0
        self._hosts = hosts
        self._transport = transport
        self._discovery = discovery
        self._clock = clock
        self._randoms = randoms
        self._state = _State.NEW
        self._life = threading.Lock()
        self._board = Switchboard()
        self._stay: Callable[[], None] = lambda: None
        self._is_wanted = True
        self._looks_at = _NEVER
        self._peer_callbacks: list[Callable[[PeerChanged], None]] = []

    # Life

    @property
    def node_id(self) -> NodeId:
        """This node's id; starts it if need be."""
        if self._state is not RUNNING:
            self.start()
        return self._mesh.identity.node_id

    @property
    def address(self) -> str:
        """Where others can dial this node, as ``tcp://host:port``; starts it if need be."""
        self.start()
        return address_of(self._hosts[0], self._mesh.identity.pull)

    @property
    def _listening(self) -> tuple[str, ...]:
        """What the sockets are bound to; for all interfaces, whichever there are, a wildcard."""
        return (self.config.bind.host,) if self.config.bind.is_wildcard else self._hosts

    @property
    def is_closed(self) -> bool:
        """Whether the node was closed or abandoned, or is about to be."""
        return self._state is not RUNNING and self._state in OVER

    def start(self) -> None:
        """
        Listen, look around, and begin. Does nothing if the node runs already.

        Raises:
            TransportError: The address or a port cannot be used.
            RuntimeError: No thread can be started. A later call tries again; where discovery lacks one, the node does.
            LayerClosed: The node was closed.
        """
        if self._state is RUNNING:
            return
        with self._life:
            if self._state is not _State.NEW:
                if self.is_closed:
                    raise LayerClosed
                return
            ports = zip(self.config.cluster_tags, self._transport.open(in_batches=self.works_in_batches), strict=True)
            doors = tuple(Door(tag, pull, pub) for tag, (pull, pub) in ports)
            node_id = NodeId(self._randoms(NODE_ID_BYTES))
            identity = Identity(node_id=node_id, role=self.role, hosts=self._hosts, doors=doors)
            self._mesh = Mesh(identity, self.config, self._randoms, self._find_driver_here)
            self._mesh.start(self._clock())
            self.pump = Pump(self._transport, self._mesh, self._board, self._clock, self._carry_out)
            self._thread = threading.Thread(target=self._run, name=f"zmqlayer-{short(node_id)}", daemon=True)
            self._start_thread()
        self._stay = call_at_end(self.close)  # a script that sends and exits delivers what it sent
        logger.info("%s %s of cluster %r listens at %s", self.role, short(node_id), self.config.cluster, self.address)
        self._announcement = Announcement(node_id, self._listening, doors)
        self._look_around()

    def close(self) -> None:
        """
        Leave: read no more, hand over what is queued if anyone takes it within ``linger_s``, say goodbye.

        May be called twice, and from any thread but the node's own.
        """
        with self._life:
            before = self._state
            if not self.is_closed:
                self._state = _State.CLOSED if before is _State.NEW else _State.CLOSING
        if before is not RUNNING:
            return
        self.pump.take_back()
        self._drain()
        self._with_mesh(lambda mesh, now: mesh.say_goodbye())
        self._state = _State.CLOSED
        self.pump.wake()
        self._discovery.stop()  # meanwhile the node's thread closes the sockets; at exit, Python 3.12 starts no other
        self._thread.join()
        self._stay()
        if (lost := self._mesh.in_flight) and self.config.timing.linger_s:
            logger.warning("%d messages were still queued or unread here when the node closed; they are lost", lost)

    def abandon(self) -> None:
        """Do nothing more, in a child that was forked from the node's process: everything is the parent's."""
        self._stay()
        self._life = threading.Lock()  # another thread may have held it
        if self._state in (_State.RUNNING, _State.CLOSING):
            self.pump.abandon()
            self._transport.disown()
        self._state = _State.ABANDONED

    def retire(self) -> None:
        """
        Close within about a second, in the background: nobody holds a layer on this node any more.

        The garbage collector calls this, on any thread and at any moment; so it takes no lock and starts nothing.
        """
        self._is_wanted = False

    def follow(self, former: Node) -> None:
        """Take the place that *former* had in the parent of this process: what it was told, and who hears of peers."""
        self.config = former.config  # a worker may have said since how far it reads ahead
        self.role = former.role
        self.works_in_batches = former.works_in_batches
        self._peer_callbacks = list(former._peer_callbacks)

    # Discovery's listener

    def found(self, candidate: Candidate) -> None:
        """Discovery names an address where a node may listen."""
        self._with_mesh(lambda mesh, now: mesh.found(candidate, now))

    def lost(self, candidate: Candidate) -> None:
        """Discovery takes a hint back."""
        self._with_mesh(lambda mesh, now: mesh.lost(candidate, now))

    def moved(self, hosts: tuple[str, ...]) -> None:
        """The addresses of this machine are others than before."""
        logger.info("this node can be reached at %s now", ", ".join(hosts))
        self._hosts = hosts
        self._with_mesh(lambda mesh, now: mesh.moved(hosts, now))

    def settled(self) -> None:
        """Discovery has named everything that existed at start."""
        self._with_mesh(lambda mesh, now: mesh.settled(now))

    # What layers ask for

    def check_open(self) -> None:
        """
        Look whether it is worth waiting for anything, or was: who begins under the lock is woken by :meth:`close`.

        Raises:
            LayerClosed: The node was closed, or is about to be.
        """
        if self._state is not RUNNING:
            raise LayerClosed

    def ask(self, question: Callable[[Mesh, float], T]) -> T:
        """
        Return what *question* does with the mesh, or finds out about it; called as (mesh, now). It must not block.

        Raises:
            LayerClosed: The node was closed.
        """
        if self._state is not RUNNING:
            self.start()
        return self.pump.ask(question)

    def send(self, channel: str, body: bytes) -> None:
        """
        Send one message; see :meth:`Mesh.send`.

        Raises:
            ChannelFull: The channel, or the peer behind it, has no room; nothing was queued.
            LayerClosed: The node was closed.
        """
        if self._state is not RUNNING:
            self.start()
        self.pump.put(self._mesh.send, channel, body)

    def group_send(self, group: str, body: bytes) -> None:
        """Send one message to all members of *group*; raises LayerClosed as :meth:`send`."""
        if self._state is not RUNNING:
            self.start()
        self.pump.put(self._mesh.group_send, group, body)

    def has_reader(self, channel: str) -> bool:
        """Whether anybody reads a named channel. No lock is needed: it is one look at what is known."""
        self.start()
        return self._mesh.has_reader(channel)

    def take_mail(self, channel: str) -> Letter | None:
        """
        Return the oldest message of one process channel, or None; the members of a group share one without a name.

        Nobody begins to wait, so this is the fast way where there is something.
        """
        if self._state is not RUNNING or channel not in self._mesh.unread_mail:
            return None
        return self.pump.take(self._mesh.take_mail, channel)

    def take_work(self, channels: tuple[str, ...]) -> Letter | None:
        """As :meth:`take_mail`, for the reader of some named channels. Nobody begins to read, either."""
        if self._state is not RUNNING or not self._mesh.has_work(channels):
            return None
        return self.pump.take(self._mesh.take_work, channels)

    def look(self) -> bool:
        """Take in what has arrived already, on a thread that is about to wait; see :meth:`Pump.look`."""
        return self._state is RUNNING and self.pump.look()

    def take(self, interest: Interest) -> Letter | None:
        """Return the oldest message for a receiver that does not wait, or None."""

        def take(mesh: Mesh, now: float) -> Letter | None:
            letter = mesh.take(interest, now)
            if letter is None:
                mesh.poll(interest, now)
                letter = mesh.take(interest, now)  # what this node queued for itself
            return letter

        return self.ask(take)

    def take_or_enlist(self, interest: Interest, enlist: Callable[[], Receiver]) -> Letter | Receiver:
        """
        Return the oldest message for *interest*; or who waits for one from now on.

        Args:
            enlist: Makes who waits; called only if there is no message.
        """

        def take(mesh: Mesh, now: float) -> Letter | Receiver:
            self.check_open()
            letter = mesh.take(interest, now)
            if letter is not None:
                return letter
            mesh.wait(interest, now)
            receiver = enlist()
            self._board.enlist(receiver)
            return receiver

        return self.ask(take)

    def take_or_wait(self, receiver: Receiver) -> Letter | None:
        """Return the oldest message for *receiver*; or None, and its waiter is woken when it should look again."""
        found = self.take_or_enlist(receiver.interest, lambda: receiver)
        return None if isinstance(found, Receiver) else found

    def give_up(self, receiver: Receiver) -> None:
        """*receiver* no longer waits. If it was woken already, the wake goes to another."""
        self._with_mesh(lambda mesh, now: self._board.dismiss(receiver, mesh))

    @property
    def driver_here(self) -> Driver | None:
        """Who drives in place of the node's own thread, if it does on this very thread."""
        return self._find_driver_here() if self._state is RUNNING else None

    def step_aside(self, taker: Taker) -> None:
        """*taker* no longer waits. What it was given already, or the wake, goes to another."""
        self._with_mesh(lambda mesh, now: self._board.dismiss_taker(taker, mesh, now))

    def wake_receivers(self) -> None:
        """Wake every receiver that waits, so that its owner can look around. Starts nothing."""

        def wake(mesh: Mesh, now: float) -> None:
            self.interrupts += 1
            self._board.wake_every_receiver(mesh)

        if self._state is not _State.NEW:
            self._with_mesh(wake)

    def watch(self, prefix: str, watcher: Callable[[list[str]], None]) -> None:
        """
        Tell *watcher* which process channels below *prefix* got a message that nobody waits for.

        It is called on the thread that delivers, with a batch of names, and must return at once.
        """
        self._board.watch(prefix, watcher)

    def listen(self, listener: Callable[[list[Notice]], None]) -> None:
        """
        Tell *listener*, on whichever thread notices, what is asked of the mesh's notices; it must not block.

        There may be several, and each hears all: what one of them asked for, another must leave to it.
        """
        if listener not in self._board.listeners:
            self._board.listeners = [*self._board.listeners, listener]

    def stop_listening(self, listener: Callable[[list[Notice]], None]) -> None:
        """Tell *listener* no more."""
        self._board.listeners = [each for each in self._board.listeners if each != listener]

    def request(self, begin: Callable[[Mesh, float], int | None], waiter: Waiter) -> int | None:
        """Begin a request; returns None if it is done, else a token, and *waiter* is woken when it is over."""

        def ask(mesh: Mesh, now: float) -> int | None:
            self.check_open()
            token = begin(mesh, now)
            if token is not None:
                self._board.open_request(token, waiter)
            return token

        return self.ask(ask)

    def result(self, token: int) -> Completed | None:
        """Return how a request ended, or None if it is not over; nobody waits for it any more."""
        return self._with_mesh(lambda mesh, now: self._board.close_request(token))

    def when(self, condition: Callable[[Mesh], bool], waiter: Waiter) -> bool:
        """Return whether *condition* holds; if not, *waiter* is woken once it does."""

        def ask(mesh: Mesh, now: float) -> bool:
            self.check_open()
            if condition(mesh):
                return True
            self._board.add_condition(condition, waiter)
            return False

        return self.ask(ask)

    def stop_waiting(self, waiter: Waiter) -> None:
        """*waiter* no longer waits for a condition."""
        self._with_mesh(lambda mesh, now: self._board.drop_condition(waiter))

    def malformed(self, letter: Letter, fault: ProtocolError) -> None:
        """A message turned out not to be one when it was read: whoever sent it broke the protocol."""
        self._with_mesh(lambda mesh, now: mesh.malformed(letter.source, fault, now))

    def on_peer(self, callback: Callable[[PeerChanged], None]) -> None:
        """Tell *callback*, on whichever thread notices, when a peer is ready, silent or gone; it must not block."""
        self._peer_callbacks.append(callback)

    def peers(self) -> list[PeerInfo]:
        """Return every peer that is linked or about to be."""
        return self.ask(lambda mesh, now: mesh.peers())

    def statistics(self) -> dict[str, int]:
        """Return the message counters by name; see :class:`Counters`."""
        counts = self.ask(lambda mesh, now: mesh.statistics())
        return counts | {f"frames lost: {reason}": count for reason, count in self._transport.lost.items()}

    # Inside: callers

    def _with_mesh(self, question: Callable[[Mesh, float], T]) -> T:
        return self.pump.ask(question)

    def _find_driver_here(self) -> Driver | None:
        driver = self.pump.driver
        return driver if driver is not None and driver.thread == get_ident() else None

    def _carry_out(self, calls: Calls) -> None:
        for letter, takers in calls.handed:
            if missed := hand_over(letter, cast("list[Taker]", takers)):
                self._with_mesh(partial(self._board.take_back, letter, missed))
        calls.carry_out(self.wake_receivers, self._peer_callbacks)

    def _drain(self) -> None:
        """Wake all who wait, return what readers did not start, and wait while others still take what is queued."""
        waiter = ThreadWaiter()

        def leave(mesh: Mesh, now: float) -> None:
            self._board.end(mesh)
            mesh.leave(now)
            self._board.add_condition(lambda mesh: mesh.is_drained, waiter)
            self._board.check_conditions(mesh)

        self._with_mesh(leave)
        waiter.wait(self.config.timing.linger_s)
        self.stop_waiting(waiter)

    # Inside: the node's thread

    def _start_thread(self) -> None:
        """Begin to run; whoever is faster than the lock that the caller holds must not find it running before."""
        try:
            self._thread.start()
        except RuntimeError:  # there is none to be had, or at the end of the process none any more
            self._transport.close(0)
            raise
        except BaseException:  # a signal's, while the start was waited for
            self._state = _State.RUNNING
            raise
        self._state = _State.RUNNING

    def _look_around(self) -> None:
        """Begin with discovery. Without it a node is alone, so what cannot begin now is tried again until it does."""
        self._looks_at = _NEVER
        try:
            self._discovery.start(self._announcement, self)
        except RuntimeError:
            self._looks_at = self._clock() + LOOK_AGAIN_S
            raise

    def _run(self) -> None:
        if self.works_in_batches:
            wait_its_turn()
        self.pump.run(self._goes_on)
        if self._state is not _State.ABANDONED:
            self.pump.close(CLOSE_LINGER_S)

    def _goes_on(self) -> bool:
        if self._looks_at != _NEVER and self._clock() >= self._looks_at and self._state is RUNNING:
            with suppress(RuntimeError):
                self._look_around()
        if not self._is_wanted:
            with suppress(RuntimeError):  # none starts now: the next round tries again, unless the process ends
                threading.Thread(target=self.close, name="zmqlayer-close").start()
                self._is_wanted = True  # once is enough
        # Abandoned by a callback that forked: this is the child, and its copy of this thread is over.
        return self._state in (_State.NEW, _State.RUNNING, _State.CLOSING)
