"""
The switchboard: who waits for what, and who is to be woken. No locks, no threads: the node calls it under its lock.

It turns the mesh's events into a :class:`Calls` batch, which the node carries out after it let the lock go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

from zmqlayer.events import Completed, Event, Handed, InboxKey, Interest, Notice, PeerChanged, Readable, Spread
from zmqlayer.journal import Said
from zmqlayer.mesh import Mesh
from zmqlayer.names import inbox_of, short
from zmqlayer.queues import Letter
from zmqlayer.waiters import Taker, Waiter, wake_all

__all__ = ["Calls", "Receiver", "Switchboard"]

logger = logging.getLogger("zmqlayer")

Watcher = Callable[[list[str]], None]
Listener = Callable[[list[Notice]], None]
PeerCallback = Callable[[PeerChanged], None]


class Receiver:
    """One receiver that waits for an interest; its waiter is woken when it is worth another look."""

    __slots__ = ("interest", "waiter")

    def __init__(self, interest: Interest, waiter: Waiter) -> None:
        self.interest = interest
        self.waiter = waiter


@dataclass(slots=True)
class Calls:
    """
    What to do outside the lock.

    Attributes:
        waiters: To be woken.
        readable: Channels that became readable, by the watcher that wants to know.
        changes: What happened to peers.
        notices: What was asked for, by whom to tell.
        handed: Messages to be given to takers; the node does that, which can take them back.
        said: Lines for the log.
    """

    waiters: list[Waiter | Taker] = field(default_factory=list)
    readable: dict[Watcher, list[str]] = field(default_factory=dict)
    changes: list[PeerChanged] = field(default_factory=list)
    notices: dict[Listener, list[Notice]] = field(default_factory=dict)
    handed: list[Handed] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def carry_out(self, look_around: Callable[[], None], peer_callbacks: Iterable[PeerCallback]) -> None:
        """
        Wake and call them all.

        Args:
            look_around: Wakes every receiver; called for each waiter whose loop is closed. Whoever else waits looks
                instead; those who need not find nothing.
            peer_callbacks: To be told what happened to peers.
        """
        for _ in wake_all(self.waiters):
            look_around()
        for watcher, channels in self.readable.items():
            watcher(channels)
        for listener, notices in self.notices.items():
            listener(notices)
        for line in self.said:
            line.write()
        for change in self.changes:
            peer = change.peer
            logger.info("%s %s at %s is %s", peer.role, short(peer.node_id), peer.address, change.state.value)
            for callback in peer_callbacks:
                try:
                    callback(change)
                except Exception:
                    logger.exception("a callback for peers failed: %r", callback)


class Switchboard:
    """
    Receivers, watchers, open requests and conditions of one node.

    Attributes:
        listeners: Each is told what was asked of the mesh's notices, by whomever: their tokens say whose a notice is.
        has_calls: Whether :meth:`take_calls` has something to return.
    """

    def __init__(self) -> None:
        self._receivers: dict[InboxKey, dict[Receiver, None]] = {}
        self._watchers: dict[str, Watcher] = {}
        self._requests: dict[int, Waiter] = {}
        self._results: dict[int, Completed] = {}
        self._conditions: list[tuple[Callable[[Mesh], bool], Waiter]] = []
        self.has_calls = False
        self._calls = Calls()
        self.listeners: list[Listener] = []

    @property
    def _due(self) -> Calls:
        """What to do, to be added to."""
        self.has_calls = True
        return self._calls

    def take_calls(self) -> Calls:
        """Return what is to be done since the last call."""
        taken, self._calls = self._calls, Calls()
        self.has_calls = False
        return taken

    def sort(self, events: Iterable[Event], mesh: Mesh) -> None:
        """Decide for each event who is to be told."""
        for event in events:
            if type(event) is Readable:
                self._wake(event.key, event.number, mesh)
            elif type(event) is Handed:
                self._due.handed.append(event)
            elif type(event) is Spread:
                for channel in event.channels if self._receivers or self._watchers or mesh.takers else ():
                    self._wake(channel, 1, mesh)
            elif type(event) is Said:
                self._due.said.append(event)
            elif isinstance(event, PeerChanged):
                self._due.changes.append(event)
            elif isinstance(event, Notice):
                self._notify(event)
            elif isinstance(event, Completed) and (waiter := self._requests.pop(event.token, None)):
                self._results[event.token] = event
                self._due.waiters.append(waiter)

    # Receivers

    def enlist(self, receiver: Receiver) -> None:
        """*receiver* waits from now on."""
        for key in receiver.interest.keys:
            self._receivers.setdefault(key, {})[receiver] = None

    def dismiss(self, receiver: Receiver, mesh: Mesh) -> None:
        """*receiver* no longer waits. If it was woken already, the wake goes to another."""
        if not self._strike(receiver, mesh):
            for key in receiver.interest.keys:
                self._wake(key, 1, mesh)

    def dismiss_taker(self, taker: Taker, mesh: Mesh, now: float) -> None:
        """*taker* no longer waits. What it was given already, or the wake, goes to another."""
        if mesh.takers.get(taker.channel) is taker:
            del mesh.takers[taker.channel]
        elif taker.given is None:
            self._wake(taker.channel, 1, mesh)
        else:
            mesh.take_back(taker.channel, taker.given, now)

    def take_back(self, letter: Letter, missed: list[Taker], mesh: Mesh, now: float) -> None:
        """*letter* could not be given to these by hand: each is woken, and finds it in its channel."""
        for taker in missed:
            mesh.take_back(taker.channel, letter, now)
        self._due.waiters.extend(missed)

    def wake_every_receiver(self, mesh: Mesh) -> None:
        """Wake all who wait."""
        self._due.waiters.extend(cast("Iterable[Taker]", mesh.takers.values()))
        mesh.takers.clear()
        for waiting in list(self._receivers.values()):
            for receiver in list(waiting):
                self._strike(receiver, mesh)
                self._due.waiters.append(receiver.waiter)

    def end(self, mesh: Mesh) -> None:
        """The node is about to close: wake all who wait, for whatever it is. They look, and find that."""
        self.wake_every_receiver(mesh)
        self._due.waiters.extend(self._requests.values())
        self._due.waiters.extend(waiter for _, waiter in self._conditions)
        self._requests.clear()
        self._conditions.clear()

    def watch(self, prefix: str, watcher: Watcher) -> None:
        """Tell *watcher* of channels below *prefix* that became readable and that nobody waits for."""
        self._watchers[prefix] = watcher

    # Requests and conditions

    def open_request(self, token: int, waiter: Waiter) -> None:
        """Wake *waiter* once the request *token* is over."""
        self._requests[token] = waiter

    def close_request(self, token: int) -> Completed | None:
        """Return how the request ended, or None; nobody waits for it any more."""
        self._requests.pop(token, None)
        return self._results.pop(token, None)

    def add_condition(self, condition: Callable[[Mesh], bool], waiter: Waiter) -> None:
        """Wake *waiter* once *condition* holds."""
        self._conditions.append((condition, waiter))

    def drop_condition(self, waiter: Waiter) -> None:
        """*waiter* no longer waits for a condition."""
        self._conditions = [entry for entry in self._conditions if entry[1] is not waiter]

    def check_conditions(self, mesh: Mesh) -> None:
        """Wake whose condition holds by now."""
        for condition, waiter in self._conditions:
            if condition(mesh):
                self._due.waiters.append(waiter)
                self.drop_condition(waiter)

    # Inside

    def _notify(self, notice: Notice) -> None:
        for listener in self.listeners:
            self._due.notices.setdefault(listener, []).append(notice)

    def _wake(self, key: InboxKey, count: int, mesh: Mesh) -> None:
        if mesh.takers and isinstance(key, str) and (taker := mesh.takers.pop(key, None)):
            self._due.waiters.append(cast("Taker", taker))
            count -= 1
            if not count:
                return
        waiting = self._receivers.get(key)
        if not waiting and isinstance(key, str) and (self._receivers or self._watchers):
            prefix = inbox_of(key)
            waiting = self._receivers.get(prefix)
            if not waiting and (watcher := self._watchers.get(prefix)):
                self._due.readable.setdefault(watcher, []).append(key)
        for receiver in list(islice(waiting or (), count)):
            self._strike(receiver, mesh)
            self._due.waiters.append(receiver.waiter)

    def _strike(self, receiver: Receiver, mesh: Mesh) -> bool:
        """Take *receiver* off every list; returns whether it was waiting."""
        keys = receiver.interest.keys
        if len(keys) == 1:
            waiting = self._receivers.get(keys[0])
            if waiting is None or receiver not in waiting:
                return False
            if len(waiting) == 1:
                del self._receivers[keys[0]]
            else:
                del waiting[receiver]
            mesh.unwait(receiver.interest)
            return True
        was_waiting = False
        for key in receiver.interest.keys:
            waiting = self._receivers.get(key)
            if waiting is not None and receiver in waiting:
                was_waiting = True
                del waiting[receiver]
                if not waiting:
                    del self._receivers[key]
        if was_waiting:
            mesh.unwait(receiver.interest)
        return was_waiting
