"""
The pump: it moves what arrives into the mesh, and what the mesh decides out to the sockets. It decides nothing.

Two locks, never taken the other way round: one around the sockets, one around the mesh. Whoever changes the mesh, on
any thread, also sends what follows from it, if nobody else is at the sockets just then; whoever is at them looks again
when done. So a send costs no second thread. Nobody holds a lock while asleep.

Who sleeps on the descriptors and takes in what arrives is the *driver*: the node's own thread; or the event loop of the
process, which saves the way through that thread (``driving.py``). The thread then stands by, and takes over from a
loop that is stuck or has stopped. A thread that finds no message looks itself before it sleeps.
"""

from __future__ import annotations

import logging
import threading
from asyncio import AbstractEventLoop
from asyncio import _get_running_loop as get_running_loop  # the other one raises where none runs
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from threading import get_ident
from typing import Final, Protocol, TypeVar

from zmqlayer.absence import Absence
from zmqlayer.mesh import Mesh
from zmqlayer.ports import Clock, Transport
from zmqlayer.queues import Letter
from zmqlayer.switchboard import Calls, Switchboard
from zmqlayer.waiters import Taker

__all__ = ["Driver", "Pump"]

logger = logging.getLogger("zmqlayer")

T = TypeVar("T")
K = TypeVar("K")

BUG: Final = "the node met a bug of its own and goes on"
PAUSE_AFTER_BUG_S: Final = 0.1
LOOK_EVERY_S: Final = 0.1
"""How often the thread looks whether a driver does its work. It is late by twice that, at most, when one does not."""

CLOSE_BEHIND_S: Final = 0.0001
"""What is sent so soon after something else is probably not the last. One more call at the end of the turn, for each
that is, would cost as much as a message."""
MOST_DEFERRED: Final = 8
"""Actions that wait for the end of a turn of an event loop."""


class Driver(Protocol):
    """
    Somebody else who drives the pump. Its methods are called on any thread, with no lock held.

    Attributes:
        thread: The identifier of the thread on which it drives.
        loop: Whose it is, if it is an event loop of asyncio that is known as such.
    """

    thread: int
    loop: AbstractEventLoop | None

    def stop(self) -> None:
        """Drive no more."""


class Pump:
    """
    What moves the frames of one node.

    Attributes:
        driver: Who drives in place of the node's own thread, or None; see :meth:`lend`.

    Args:
        transport: Open already.
        mesh: Used under a lock, that is in questions.
        board: The same.
        carry_out: Makes the calls that follow from what happened, with no lock held.
    """

    def __init__(
        self, transport: Transport, mesh: Mesh, board: Switchboard, clock: Clock, carry_out: Callable[[Calls], None]
    ) -> None:
        self._transport = transport
        self._mesh = mesh
        self._outbox = mesh.outbox
        self._board = board
        self._clock = clock
        self._carry_out = carry_out
        self._at_mesh = threading.Lock()
        self._at_sockets = threading.Lock()
        self._wakes_at = -float("inf")
        self._turn_of: AbstractEventLoop | None = None
        self._turn_thread = 0
        self._sent_at = -float("inf")
        self._is_closed = False
        self.driver: Driver | None = None
        self._steps = 0
        self._frames: deque[bytes] = deque()  # of those that arrive with one that meets a bug, none is lost
        self._called_back = threading.Event()
        self._absence = Absence()

    # On any thread

    def ask(self, question: Callable[[Mesh, float], T]) -> T:
        """Return what *question* does with the mesh, or finds out about it; then send what follows from it."""
        mesh, board, outbox = self._mesh, self._board, self._outbox
        try:
            with self._at_mesh:
                now = self._clock()
                result = question(mesh, now)
                calls = self._sort() if mesh.pending or board.has_calls else None
        except BaseException:
            self._follow_failure()
            raise
        if outbox.actions:
            self._send_soon(now)
        if calls is not None or outbox.tick_by < self._wakes_at:
            self._follow(calls)
        return result

    def put(self, send: Callable[[str, bytes, float], None], name: str, body: bytes) -> None:
        """Have the mesh ``send(name, body, now)``: :meth:`ask` for what is asked most, without a closure for each."""
        mesh, board, outbox = self._mesh, self._board, self._outbox
        try:
            with self._at_mesh:
                now = self._clock()
                send(name, body, now)
                calls = self._sort() if mesh.pending or board.has_calls else None
        except BaseException:
            self._follow_failure()
            raise
        if outbox.actions:
            self._send_soon(now)
        if calls is not None or outbox.tick_by < self._wakes_at:
            self._follow(calls)

    def take(self, take: Callable[[K, float], Letter | None], key: K) -> Letter | None:
        """Return what ``take(key, now)`` finds in the mesh: a question from which mostly nothing follows."""
        mesh, outbox = self._mesh, self._outbox
        with self._at_mesh:
            letter = take(key, self._clock())
        if outbox.actions or mesh.pending or outbox.tick_by < self._wakes_at:
            self.ask(lambda mesh, now: None)  # does what follows from any question
        return letter

    def stand(self, taker: Taker) -> bool:
        """
        Let *taker* have what comes to its channel, on the thread that drives; see :meth:`Mesh.stand`.

        Nothing follows from that.
        """
        with self._at_mesh:
            return self._mesh.stand(taker.channel, taker)

    def step(self, ready: AbstractSet[int]) -> float:
        """
        Take in what arrived, do what is due, and send what follows.

        Args:
            ready: What the transport's ``wait`` returned.

        Returns:
            How many seconds the driver may sleep now.
        """
        self._steps += 1
        self._wakes_at = -float("inf")  # nobody need ring: it is found out below
        with self._at_sockets:
            if self._is_closed:
                return LOOK_EVERY_S
            calls = self._take_in(ready)
        self._follow_up(calls)
        if self._transport.has_input:
            return 0.0
        with self._at_mesh:
            self._wakes_at = self._mesh.next_deadline()
            return max(0.0, self._wakes_at - self._clock())

    def look(self) -> bool:
        """
        Take in frames that have arrived, on a thread that would otherwise sleep until the node's own has done so.

        Returns:
            Whether there were any. They are left to the driver where that is a loop, where it is at the sockets just
            now, and where it has something else to see to.
        """
        if self.driver is not None or not self._at_sockets.acquire(False):
            return False
        try:
            ready = frozenset() if self._is_closed else self._transport.peek()
            if not ready:
                return False
            calls = self._take_in(ready)
        except Exception:
            logger.exception(BUG)
            self._ring()
            return False
        finally:
            self._at_sockets.release()
        self._follow_up(calls)
        if self._transport.has_input or self._mesh.next_deadline() < self._wakes_at:
            self._ring()
        return True

    def flush(self) -> None:
        """Send now what a coroutine of this thread has put off to the end of its turn: the thread is about to block."""
        if self._outbox.actions:
            self._send()

    def wait(self, timeout_s: float) -> AbstractSet[int]:
        """Sleep until something arrives or the bell rings; returns what :meth:`step` needs."""
        return self._transport.wait(timeout_s)

    def wake(self) -> None:
        """Have the driver do a step."""
        with self._at_sockets:  # within it, the thread cannot be closing the bell meanwhile
            if not self._is_closed:
                self._transport.wake()

    def fileno(self) -> int:
        """Return the descriptor that a driver has to watch for input."""
        return self._transport.fileno()

    @property
    def is_closed(self) -> bool:
        """Whether it moves nothing any more: the node is closed, or was left behind by a fork."""
        return self._is_closed

    @property
    def is_driven(self) -> bool:
        """Whether somebody else than the thread drives."""
        return self.driver is not None

    def lend(self, driver: Driver) -> bool:
        """Have *driver* drive from now on, in place of the thread; False if somebody else does."""
        with self._at_mesh:
            if self.driver is not None or self._is_closed:
                return False
            self._called_back.clear()
            self.driver = driver
        self.wake()
        return True

    def take_back(self) -> None:
        """Have the thread drive again."""
        with self._at_mesh:
            driver, self.driver = self.driver, None
        self._called_back.set()
        if driver is not None:
            driver.stop()

    def close(self, linger_s: float) -> None:
        """Send what is left and close the sockets; by the thread, at its end."""
        self._send()
        with self._at_sockets:
            self._is_closed = True
            self._transport.close(linger_s)

    def abandon(self) -> None:
        """Do nothing more, in a child that was forked: another thread may have held the locks."""
        self._at_mesh, self._at_sockets = threading.Lock(), threading.Lock()
        self._is_closed = True
        self.driver = None

    # On the node's own thread

    def run(self, goes_on: Callable[[], bool]) -> None:
        """
        Drive, or stand by while somebody else does.

        Args:
            goes_on: Asked before each round.
        """
        sleep_s = 0.0
        while goes_on():
            try:
                if self.driver is not None:
                    self._stand_by()
                    sleep_s = 0.0
                    continue
                ready = self.wait(sleep_s)
                if self.driver is not None:
                    continue  # it began while this slept: what arrived is for it
                sleep_s = self.step(ready)
                if self.driver is not None:
                    self._ring()  # it began meanwhile, and does not know what this step left to be done
            except Exception:
                logger.exception(BUG)
                sleep_s = PAUSE_AFTER_BUG_S

    def _stand_by(self) -> None:
        """Sleep while the driver works; take over if it does not, although there is something to do, for two looks."""
        for _ in range(2):
            steps = self._steps
            if self._called_back.wait(LOOK_EVERY_S) or self._steps != steps or not self._has_work():
                return
        logger.debug("the loop that drives the node stands still: the node's own thread goes on")
        self.take_back()

    def _has_work(self) -> bool:
        return self._clock() > self._wakes_at or bool(self._transport.wait(0))

    def _sort(self) -> Calls | None:
        """Return what is to be done for what happened; with the lock of the mesh held."""
        board, mesh = self._board, self._mesh
        board.sort(mesh.events(), mesh)
        return board.take_calls() if board.has_calls else None

    def _follow(self, calls: Calls | None) -> None:
        """Do what follows from a question, with no lock held."""
        if self._outbox.tick_by < self._wakes_at:
            self._ring()
        if calls is not None:
            self._carry_out(calls)

    def _follow_failure(self) -> None:
        """Do what follows from a question that raised: what it said in the log comes before its error is told."""
        if self._mesh.pending:
            self.ask(lambda mesh, now: None)

    def _ring(self) -> None:
        """Something is due earlier than the driver thinks."""
        self._wakes_at = -float("inf")  # once is enough
        if not self._is_closed:
            self._transport.wake()

    # Whoever is at the sockets

    def _take_in(self, ready: AbstractSet[int]) -> Calls | None:
        """Take in what arrived, do what is due, and send what follows. Returns what to do with no lock held."""
        mesh, transport = self._mesh, self._transport
        frames, changes = transport.collect(ready)
        self._frames.extend(frames)
        probed, refusals = transport.probed(), transport.refusals()
        with self._at_mesh:
            now = self._clock()
            age_s = self._absence.look(now)
            for change in changes:
                (mesh.subscribed if change[0] else mesh.unsubscribed)(change[1:], now)
            while self._frames:
                mesh.receive(self._frames.popleft(), now, age_s)
            for address, is_open in probed:
                mesh.probed(address, is_open, now)
            for refusal in refusals:
                mesh.refused(refusal, now)
            mesh.tick(now)
            actions = self._outbox.take() if self._outbox.actions else None
            self._board.sort(mesh.events(), mesh)
            self._board.check_conditions(mesh)
            calls = self._board.take_calls() if self._board.has_calls else None
        if actions:
            transport.carry_out(actions)
        return calls

    def _follow_up(self, calls: Calls | None) -> None:
        """Do what follows from what was taken in, with no lock held."""
        if calls is not None:
            self._carry_out(calls)
        if self._outbox.actions:
            self._send()

    # Sending

    def _send_soon(self, now: float) -> None:
        """
        Send now; but what coroutines send close behind one another leaves together, when their loop's turn ends.

        Is that the turn of the loop that runs here? Up to Python 3.11 to ask asyncio for the latter is a system call.
        """
        turn_of = self._turn_of
        if turn_of is not None and self._turn_thread == get_ident() and turn_of.is_running():
            if len(self._outbox.actions) >= MOST_DEFERRED:
                self._send()
            return
        loop = get_running_loop() if now - self._sent_at < CLOSE_BEHIND_S else None
        if loop is None:
            self._sent_at = now
            self._send()
        else:
            self._turn_of, self._turn_thread = loop, get_ident()
            loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._turn_of = None
        self._send()

    def _send(self) -> None:
        """Send what the mesh decided, unless somebody is at the sockets: that one looks again."""
        while self._outbox.actions and self._at_sockets.acquire(False):
            try:
                if self._is_closed:
                    return
                with self._at_mesh:
                    actions = self._outbox.take()
                self._transport.carry_out(actions)
                if self._transport.has_input:
                    self._transport.wake()
            finally:
                self._at_sockets.release()
