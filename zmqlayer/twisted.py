"""
The face of a node towards a Twisted reactor: what ``ports.ServerLayer`` asks for.

One node wakes the reactor once for a batch of messages, and everything else happens on the reactor's thread.
A message stays in its channel until its connection wants it: not taking is the whole of backpressure.

An event loop of asyncio will do for a reactor: ``loops.py``. Several of these layers may be on one node, each with a
thread of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final, TypeVar, cast

from zmqlayer.driving import LoopDriver, Reactor
from zmqlayer.events import Lost, Notice, Room
from zmqlayer.mesh import Mesh
from zmqlayer.messages import Message
from zmqlayer.names import check_channel, inbox_of
from zmqlayer.ports import Entrusted, Loss
from zmqlayer.queues import Letter
from zmqlayer.rooms import Bound
from zmqlayer.sync import SyncLayer

__all__ = ["Reactor", "ReactorLayer"]

logger = logging.getLogger("zmqlayer")

Deliver = Callable[[Message], None]
T = TypeVar("T")

MOST_AT_ONCE: Final = 100
DRIVE_AGAIN_S: Final = 1.0


class _Channel:
    """One process channel and the connection that reads it: ``ports.ReplyChannel``, and a way to ask for messages."""

    def __init__(self, owner: ReactorLayer, name: str, deliver: Deliver) -> None:
        self.name = self.channel = name
        self._owner = owner
        self._deliver: Deliver | None = deliver  # None once closed: whoever it belongs to knows this channel
        self._is_paused = False
        self._is_standing = False
        self.driver: object = None

    def pause(self) -> None:
        self._is_paused = True
        if self._is_standing:
            self._is_standing = False
            self._owner.step_aside(self)

    def resume(self) -> None:
        if self._is_paused and self._deliver is not None:
            self._is_paused = False
            self._owner.deliver_soon(self)

    def take(self) -> Message | None:
        """Return the next message although the channel is paused; None if there is none: then it is paused no more."""
        layer = self._owner.layer
        while self._deliver is not None:
            letter = layer.node.take_mail(self.name)
            if letter is None:
                break
            if (message := layer.open_letter(letter)) is not None:
                return message
        self._is_paused = False
        self.stand()
        return None

    def close(self, request: Entrusted | None = None) -> None:
        if self._deliver is not None:
            self._deliver = None
            self._owner.forget(self, request)
        elif request is not None:
            request.withdraw()

    def read(self) -> None:
        """Deliver what waits, until the connection wants no more; and be given what comes next."""
        node = self._owner.layer.node
        while self._deliver is not None and not self._is_paused:
            letter = node.take_mail(self.name)
            if letter is None:
                self.stand()
                return
            self._open(letter)

    # As a taker: see waiters.py

    @property
    def given(self) -> None:
        """Nothing: what it is given it delivers."""
        return None

    def stand(self) -> None:
        """Be given what comes next, if the reactor drives the node. Else, as always, the layer is told of it."""
        node = self._owner.layer.node
        self.driver = node.driver_here
        self._is_standing = self._deliver is not None and self.driver is not None and node.pump.stand(self)

    def give(self, letter: Letter, running: object) -> bool:
        self._is_standing = False
        if self._deliver is None or self._is_paused:
            return False
        return self._owner.deliver_now(self._open_and_read, letter)

    def wake(self) -> bool:
        self._is_standing = False
        self._owner.deliver_soon(self)
        return True

    def _open_and_read(self, letter: Letter) -> None:
        self._open(letter)
        self.read()

    def _open(self, letter: Letter) -> None:
        message, deliver = self._owner.layer.open_letter(letter), self._deliver
        if message is None or deliver is None:
            return
        try:
            deliver(message)
        except Exception:  # others, whose messages came with it, are not to miss theirs
            logger.exception("a message on %s could not be delivered", self.name)


class _Call:
    """A call that a connection asked for, and its own token at the node: ``ports.Wish``."""

    __slots__ = ("_call", "_owner")

    def __init__(self, owner: ReactorLayer, call: Callable[..., None]) -> None:
        self._owner = owner
        self._call: Callable[..., None] | None = call  # None once made or cancelled: who asked keeps this one

    def cancel(self) -> None:
        if self._call is not None:
            self._call = None
            self._owner.ask(lambda mesh, now: mesh.notices.forget(self))

    def is_of(self, owner: ReactorLayer) -> bool:
        """Whether *owner* was asked for it."""
        return self._owner is owner

    def hand_over(self) -> None:
        """Have it made on the thread of its owner."""
        self._owner.make_soon(self)

    def make(self, *args: object) -> None:
        """Make the call, unless it was cancelled meanwhile."""
        call, self._call = self._call, None
        if call is not None:
            try:
                call(*args)
            except Exception:
                logger.exception("a call that was asked for failed: %r", call)


class _Entrusted(_Call):
    """A message that may be lost: ``ports.Entrusted``."""

    __slots__ = ("_channel",)

    def __init__(self, owner: ReactorLayer, channel: str, lost: Callable[[Loss], None]) -> None:
        super().__init__(owner, lost)
        self._channel = channel

    forget = _Call.cancel

    def withdraw(self) -> None:
        if self._call is not None:
            self._owner.ask(self.withdraw_from)

    def withdraw_from(self, mesh: Mesh, now: float) -> None:
        """Withdraw it, within a question."""
        if self._call is not None:
            self._call = None
            mesh.withdraw(self._channel, self, now)


class ReactorLayer:
    """
    A channel layer for whoever waits on one thread for many connections, as an interface server does.

    Args:
        layer: The blocking face of the node to use.
        reactor: Where deliveries happen.
    """

    def __init__(self, layer: SyncLayer, reactor: Reactor) -> None:
        self.layer = layer
        self._reactor = reactor
        self._channels: dict[str, _Channel] = {}
        self._prefixes: set[str] = set()
        self._driver: LoopDriver | None = None
        self._is_delivering = False
        self._is_stopped = False

    def drive(self) -> None:
        """
        Have the reactor drive the node from now on, if nobody else does; on its own thread.

        When the node's thread had to take over because the reactor stood still, the reactor drives again a second
        after it goes on.
        """
        node = self.layer.node
        if not self._is_stopped and not node.is_closed:
            node.start()
            self._driver = LoopDriver(node.pump, self._reactor, self._drive_again)
            self._driver.start()

    def _drive_again(self) -> None:
        if not self._is_stopped and not self.layer.node.is_closed:
            self._reactor.callLater(DRIVE_AGAIN_S, self.drive)

    def send(self, channel: str, message: Message) -> None:
        """Send one message; see ``ports.ServerLayer``."""
        self.layer.send(channel, message)

    def entrust(self, channel: str, message: Message, lost: Callable[[Loss], None]) -> _Entrusted:
        """Send one message and hear if it is lost; see ``ports.ServerLayer``."""
        call = _Entrusted(self, channel, lost)
        self.layer.node.listen(self._listen)
        self.layer.entrust(channel, message, call)
        return call

    def when_room(self, channel: str, ready: Callable[[], None]) -> _Call:
        """Hear of room in a channel that was full; see ``ports.ServerLayer``."""
        name, call = check_channel(channel), _Call(self, ready)
        self.layer.node.listen(self._listen)
        self.ask(lambda mesh, now: mesh.notices.rooms.wait(call, name, now))
        return call

    def follow(self, channel: str, gone: Callable[[], None]) -> _Call:
        """Hear of the end of a process channel; see ``ports.ServerLayer``."""
        name, call = check_channel(channel), _Call(self, gone)
        self.layer.node.listen(self._listen)
        self.ask(lambda mesh, now: mesh.notices.follow(name, call))
        return call

    def open_channel(self, pattern: str, deliver: Deliver) -> _Channel:
        """Make a process channel and have its messages delivered; see ``ports.ServerLayer``."""
        name = self.layer.new_channel(pattern)
        prefix = inbox_of(name)
        if prefix not in self._prefixes:
            self._prefixes.add(prefix)
            self.layer.node.watch(prefix, self._readable)
        channel = self._channels[name] = _Channel(self, name, deliver)
        channel.stand()
        return channel

    def has_reader(self, channel: str) -> bool:
        """Whether anybody reads a named channel; see ``ports.ServerLayer``."""
        return not self.layer.node.is_closed and self.layer.has_reader(channel)

    def new_channel(self, pattern: str) -> str:
        """Make a name for a channel with one reader anywhere; see ``ports.ServerLayer``."""
        return self.layer.new_channel(pattern)

    def drop(self, channel: str) -> None:
        """Throw away what waits in a channel of this node. Connections may end after the layer, in any order."""
        if not self.layer.node.is_closed:
            self.layer.close_channel(channel)

    def ask(self, question: Callable[[Mesh, float], T]) -> T | None:
        """Ask the node; None after its end. Connections may end after the layer, in any order."""
        return None if self.layer.node.is_closed else self.layer.node.ask(question)

    def deliver_soon(self, channel: _Channel) -> None:
        """Deliver to *channel* what waits, after the present call; from any thread."""
        self._reactor.callFromThread(channel.read)

    def deliver_now(self, call: Callable[[Letter], None], letter: Letter) -> bool:
        """Deliver a message within this turn of the reactor. Returns False if something else is under way in it."""
        if not self._is_stepping:
            return False
        self._deliver(call, letter)
        return True

    def step_aside(self, channel: _Channel) -> None:
        """*channel* stands no more."""
        if not self.layer.node.is_closed:
            self.layer.node.step_aside(channel)

    def make_soon(self, call: _Call) -> None:
        """Make *call* on the reactor's thread; it may be another than this one."""
        self._reactor.callFromThread(call.make)

    def stop(self) -> None:
        """Hear no more of what was asked for, and drive no more: the reactor stops, and the node goes on."""
        self._is_stopped = True
        self.layer.node.stop_listening(self._listen)
        if self._driver is not None and self._driver.is_driving:
            self.layer.node.pump.take_back()

    def forget(self, channel: _Channel, request: Entrusted | None) -> None:
        """*channel* was closed, and nobody waits for an answer to *request*: one way through the lock is enough."""
        name = channel.name
        del self._channels[name]

        def end(mesh: Mesh, now: float) -> None:
            if request is not None:
                cast("_Entrusted", request).withdraw_from(mesh, now)
            if mesh.takers.get(name) is channel:
                del mesh.takers[name]
            mesh.close_channel(name, now)

        self.ask(end)

    def _readable(self, names: list[str]) -> None:
        """Called on whichever thread delivers."""
        if self._is_stepping:
            self._deliver(self._dispatch, names)
        else:
            self._reactor.callFromThread(self._dispatch, names)

    def _listen(self, notices: list[Notice]) -> None:
        """Called on whichever thread notices."""
        if self._is_stepping:
            self._deliver(self._hear, notices)
        else:
            self._reactor.callFromThread(self._hear, notices)

    def _deliver(self, call: Callable[[T], None], batch: T) -> None:
        """Make a call within a step; what follows from it has a turn of its own."""
        self._is_delivering = True
        try:
            call(batch)
        finally:
            self._is_delivering = False

    @property
    def _is_stepping(self) -> bool:
        """Whether this call comes from a turn of the reactor in which nothing else is under way."""
        driver = self._driver
        return driver is not None and driver.is_stepping and driver.is_here and not self._is_delivering

    def _hear(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            if isinstance(notice, Room):
                self._let_in(notice.bound)
            elif self._is_mine(notice.token):
                cast("_Call", notice.token).make(*([notice.loss] if isinstance(notice, Lost) else []))

    def _is_mine(self, token: object) -> bool:
        return isinstance(token, _Call) and token.is_of(self)

    def _let_in(self, bound: Bound) -> None:
        """Call those who wait for room, one after the other, as long as there is some; whoever's they are."""
        for _ in range(MOST_AT_ONCE):
            call = self.ask(lambda mesh, now: mesh.notices.rooms.let_in(bound, now))
            if call is None:
                return
            if self._is_mine(call):
                cast("_Call", call).make()
            elif isinstance(call, _Call):
                call.hand_over()
        self._reactor.callLater(0, self._let_in, bound)  # others have a turn in between

    def _dispatch(self, names: Iterable[str]) -> None:
        for name in dict.fromkeys(names):
            channel = self._channels.get(name)
            if channel is not None:
                channel.read()
            else:
                self.drop(name)
