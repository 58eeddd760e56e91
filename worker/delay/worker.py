"""
The delay server's loop: takes what is asked for on ``asgi.delay``, keeps it, and sends what is due.

It waits in ``receive`` until the next message is due, so it wakes for that and for a new request alike, and asks
nobody in between. A message that cannot be sent or understood is named in the log and dropped; nothing ends the
loop but :meth:`Worker.stop` and the end of the layer.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from zmqlayer.exceptions import ChannelFull, LayerClosed, ZmqLayerError
from zmqlayer.worker.delay.delayed import DELAY_CHANNEL, Delayed, Order, read_order
from zmqlayer.worker.delay.stores import Store, StoreUnavailable
from zmqlayer.worker.layers import WorkerLayer

__all__ = ["MAX_TRIES", "Worker"]

logger = logging.getLogger(__name__)

MAX_TRIES: Final = 10
"""How often a message is sent to a channel that is full before it is dropped: about a minute in all."""

RETRY_FIRST_S: Final = 0.25
RETRY_MOST_S: Final = 10.0
RECOVER_FIRST_S: Final = 0.05
RECOVER_MOST_S: Final = 5.0
IDLE_S: Final = 5.0
"""Longest wait for a request while nothing is kept."""


class Worker:
    """
    Sends messages when they are due.

    Args:
        channel_layer: Where requests come from and messages go to.
        store: Where messages wait; used by the one thread that is in :meth:`run`.
    """

    def __init__(self, channel_layer: WorkerLayer, store: Store) -> None:
        self.channel_layer = channel_layer
        self.store = store
        self._stopping = threading.Event()
        self._failures = 0

    def __repr__(self) -> str:
        return f"<Worker [{'stopping' if self.is_stopping else 'running'} | {self.store!r}]>"

    @property
    def is_stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping.is_set()

    def run(self) -> None:
        """Work until :meth:`stop` is called or the layer is closed."""
        try:
            while not self.is_stopping:
                self._guarded_turn()
        except LayerClosed:
            return
        finally:
            self.store.close()

    def stop(self) -> None:
        """
        Let :meth:`run` return after what it is doing now. May be called again to wake a late comer.

        Not from a signal handler, as ``SyncChannelLayer.interrupt``.
        """
        self._stopping.set()
        self.channel_layer.interrupt()

    def turn(self) -> None:
        """
        Send what is due, then wait for one request or for the next message to be due.

        Raises:
            LayerClosed: The layer was closed.
            StoreUnavailable: The store cannot say what is due.
        """
        for delayed in self.store.take():
            self._send(delayed)
            if self.is_stopping:
                return
        wait_s = self.store.wait_s()
        if self.store.is_full:
            # Those who ask for more are told by their own layer that the channel is full.
            self._stopping.wait(wait_s)
            return
        self._receive(IDLE_S if wait_s is None else min(wait_s, IDLE_S))

    def _guarded_turn(self) -> None:
        try:
            self.turn()
            self._failures = 0
        except LayerClosed:
            raise
        except StoreUnavailable as exc:
            self._recover(exc)
        except Exception:
            logger.exception("the delay server goes on after an error")
            self._stopping.wait(RECOVER_MOST_S)

    def _receive(self, timeout_s: float) -> None:
        channel, content = self.channel_layer.receive([DELAY_CHANNEL], block=True, timeout=timeout_s)
        if channel is None or content is None:
            return
        try:
            order = read_order(content, self.channel_layer.node.config.max_message_size)
        except ZmqLayerError as exc:
            logger.error("dropped a message that was to be delayed: %s", exc)
            return
        logger.debug("< %s in %.3f s", order.delayed, order.after_s)
        self._keep(order)

    def _keep(self, order: Order) -> None:
        """
        Store what nobody else holds any more, however long that takes; give it back if told to stop meanwhile.

        The delay begins when it is stored.
        """
        while True:
            try:
                self.store.add(*order)
            except StoreUnavailable as exc:
                if self._recover(exc):
                    return self._give_back(order)
            except Exception:
                logger.exception("dropped %s: it could not be stored", order.delayed)
                return None
            else:
                self._failures = 0
                return None

    def _give_back(self, order: Order) -> None:
        delay_ms = max(1, round(order.after_s * 1000))
        try:
            content = order.delayed.content()
            request = {"channel": order.delayed.channel, "delay": delay_ms, "content": content}
            self.channel_layer.send(DELAY_CHANNEL, request)
        except ZmqLayerError as exc:
            logger.error("dropped %s at the end: it could neither be stored nor given back: %s", order.delayed, exc)

    def _send(self, delayed: Delayed) -> None:
        logger.debug("> %s", delayed)
        try:
            self.channel_layer.send(delayed.channel, delayed.content())
        except ChannelFull as exc:
            self._try_again(delayed, exc)
        except LayerClosed:
            self._keep(Order(delayed, 0.0))
            raise
        except ZmqLayerError as exc:
            logger.error("dropped %s: %s", delayed, exc)
        except Exception:
            logger.exception("dropped %s: it could not be sent", delayed)

    def _try_again(self, delayed: Delayed, problem: ChannelFull) -> None:
        once_more = delayed.once_more()
        if once_more.tries >= MAX_TRIES:
            logger.warning("dropped %s after %d tries: %s", delayed, once_more.tries, problem)
            return
        self._keep(Order(once_more, min(RETRY_FIRST_S * 2**delayed.tries, RETRY_MOST_S)))

    def _recover(self, problem: StoreUnavailable) -> bool:
        """Wait before the store is asked again; return whether a stop is asked for."""
        wait_s = min(RECOVER_FIRST_S * 2 ** min(self._failures, 10), RECOVER_MOST_S)
        self._failures += 1
        logger.warning("%s; the delay server tries again in %.3g s", problem, wait_s)
        return self._stopping.wait(wait_s)
