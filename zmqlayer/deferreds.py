"""
How a Twisted program receives: a Deferred that fires with the next message. No thread and no connection per call.

For programs of their own; the interface server uses ``twisted.py``, which serves many channels at once.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from zmqlayer.base import BaseLayer
from zmqlayer.events import Interest
from zmqlayer.exceptions import LayerClosed, LimitReached
from zmqlayer.messages import Message
from zmqlayer.switchboard import Receiver
from zmqlayer.twisted import Reactor
from zmqlayer.waiters import Waiter

__all__ = ["Received", "receive"]

Received = Deferred[tuple[str, Message] | tuple[None, None]]


def receive(layer: BaseLayer, interest: Interest, reactor: Reactor) -> Received:
    """
    Return a Deferred of the next (channel, message) for *interest*; (None, None) at once if that names no channel.

    It fires on the reactor's thread, and fails with ``LayerClosed`` when the layer is closed, or with ``LimitReached``
    if the node reads too many named channels. It may be cancelled at any moment: a message is removed in the step that
    fires it.
    """
    if not interest.keys:
        return succeed((None, None))
    receiving = _Receiving(layer, interest, reactor)
    receiving.look()
    return receiving.deferred


class _Receiving(Waiter):
    """One call, until it fires; it is its own waiter."""

    __slots__ = ("_layer", "_node", "_reactor", "_receiver", "deferred")

    def __init__(self, layer: BaseLayer, interest: Interest, reactor: Reactor) -> None:
        self.deferred: Received = Deferred(self._give_up)
        self._layer = layer
        self._node = layer.node
        self._reactor = reactor
        self._receiver = Receiver(interest, self)

    def wake(self) -> bool:
        self._reactor.callFromThread(self.look)
        return True

    def look(self) -> None:
        """Fire if there is a message, else wait to be woken."""
        if self.deferred.called:  # it was cancelled, and the wake has gone to another
            return
        try:
            while (letter := self._node.take_or_wait(self._receiver)) is not None:
                if (message := self._layer.open_letter(letter)) is not None:
                    self.deferred.callback((letter.channel, message))
                    return
        except (LayerClosed, LimitReached) as exc:
            self.deferred.errback(exc)

    def _give_up(self, deferred: Received) -> None:
        self._node.give_up(self._receiver)
