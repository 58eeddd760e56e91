"""
The worker: takes requests and WebSockets from the mesh, as many at a time as it may, and gives each to the application.

It lives in one event loop, which only it uses; the application lives there too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from zmqlayer.exceptions import LayerClosed
from zmqlayer.inlets import Inlet
from zmqlayer.loops import loop_layer
from zmqlayer.mesh import Mesh
from zmqlayer.messages import HTTP_REQUEST, HTTP_RESPONSE_PREFIX, WEBSOCKET_CONNECT, Message
from zmqlayer.names import short
from zmqlayer.sync import SyncLayer
from zmqlayer.twisted import ReactorLayer
from zmqlayer.waiters import LoopWaiter
from zmqlayer.worker.asgi.conversation import Conversation
from zmqlayer.worker.asgi.exceptions import StartupFailed
from zmqlayer.worker.asgi.http import HttpConversation
from zmqlayer.worker.asgi.lifespan import Lifespan
from zmqlayer.worker.asgi.options import AsgiOptions
from zmqlayer.worker.asgi.types import Application
from zmqlayer.worker.asgi.websocket import WebSocketConversation
from zmqlayer.worker.found import describe_peers

__all__ = ["FAILED_TO_START", "AsgiWorker"]

logger = logging.getLogger(__name__)

FAILED_TO_START: Final = 3
"""The exit status of a worker whose application says that it cannot start."""
CUT_WITHIN_S: Final = 1.0
"""How long an application may take to end when there is no time left: when it is cancelled, and to shut down."""
LOOK_AROUND_S: Final = 1.0
"""How long after the start the peers are reported."""

KINDS: Final[dict[str, Callable[[ReactorLayer, Message, dict[str, Any]], Conversation]]] = {
    HTTP_REQUEST: HttpConversation,
    WEBSOCKET_CONNECT: WebSocketConversation,
}


class AsgiWorker:
    """
    Runs one application for the connections of a mesh.

    Args:
        layer: The blocking face of the node; others may use the node too.
        say: Takes the status lines.
        ready: Called when the worker reads.
    """

    def __init__(
        self,
        application: Application,
        layer: SyncLayer,
        options: AsgiOptions,
        say: Callable[[str], None],
        ready: Callable[[], None] | None = None,
    ) -> None:
        self._application = application
        self._layer = layer
        self._options = options
        self._say_line = say
        self._tell_ready = ready or (lambda: None)
        most = options.limit_concurrency
        # As many as may lie here cannot be refused by the limit: one that is reached gives them back.
        self._inlet = Inlet(layer, options.channels, min(options.prefetch, most - 1))
        self._resume_at = most - max(1, min(options.prefetch, most) // 2)
        self._lifespan = Lifespan(application)
        self._talks: dict[asyncio.Task[None], Conversation] = {}
        self._slot: asyncio.Future[None] | None = None
        self._stops = 0
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()

    def __repr__(self) -> str:
        return f"<AsgiWorker [{'stopping' if self._stops else 'running'} | {len(self._talks)} connections]>"

    @property
    def is_stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stops > 0

    async def run(self) -> int:
        """Work until :meth:`stop` is called, or the layer is closed; return the exit status."""
        face = loop_layer(self._layer)
        try:
            if not await self._start():
                return FAILED_TO_START
            if not self._stops:
                self._layer.start()
                face.drive()
                reports = asyncio.get_running_loop().call_later(LOOK_AROUND_S, self._report_peers)
                self._say(f"reads {', '.join(self._options.channels)} with {self._options.name} "
                          f"in cluster {self._layer.cluster!r}")  # fmt: skip
                self._tell_ready()
                await self._work(face)
                reports.cancel()
            await self._finish()
            grace_s = 0.0 if self._hurrying.is_set() else self._options.graceful_timeout_s
            await self._lifespan.stop(max(grace_s, CUT_WITHIN_S))
        finally:
            face.stop()
        return 0

    def stop(self) -> None:
        """Read no more, and let :meth:`run` return when all is finished. Called again, it waits for nothing."""
        self._stops += 1
        logger.info("was told to stop; %d connections are open", len(self._talks))
        self._inlet.end()
        self._stopping.set()
        if self._stops > 1:
            self._hurrying.set()
            self._lifespan.hurry(CUT_WITHIN_S)
        if self._slot is not None and not self._slot.done():
            self._slot.set_result(None)

    async def _start(self) -> bool:
        starting = asyncio.ensure_future(self._lifespan.start())
        stopped = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        starting.cancel()
        try:
            await starting
        except asyncio.CancelledError:
            logger.warning("the worker was told to stop before the application was ready")
        except StartupFailed as exc:
            logger.error("the application cannot start: %s", exc)
            return False
        return True

    async def _work(self, face: ReactorLayer) -> None:
        try:
            while not self._stops:
                free = self._options.limit_concurrency - len(self._talks)
                if free <= 0:
                    await self._wait_for_slot()
                    continue
                for channel, message in await self._inlet.receive(free):
                    self._begin(face, channel, message)
                await asyncio.sleep(0)  # what has begun has its turn
        except LayerClosed:
            logger.error("the layer was closed under the worker: stopping")
            self.stop()

    async def _wait_for_slot(self) -> None:
        """Leave the work to others, until there is place for some of it again."""
        self._inlet.pause()
        self._slot = asyncio.get_running_loop().create_future()
        await self._slot
        self._slot = None

    def _begin(self, face: ReactorLayer, channel: str, message: Message) -> None:
        try:
            talk = KINDS[channel](face, message, self._lifespan.state)
        except Exception:
            logger.exception("a message on %s is malformed: dropped", channel)
            return
        task = asyncio.get_running_loop().create_task(talk.run(self._application))
        self._talks[task] = talk
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._talks.pop(task, None)
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("a connection met a bug of the worker's own", exc_info=exc)
        if self._slot is not None and not self._slot.done() and len(self._talks) <= self._resume_at:
            self._slot.set_result(None)

    async def _finish(self) -> None:
        """Let requests finish, close WebSockets, and cut what takes too long."""
        deadline = asyncio.get_running_loop().time() + self._options.graceful_timeout_s
        self._inlet.end()
        for talk in list(self._talks.values()):
            talk.stop()
        if self._talks:
            await self._wait_for(asyncio.gather(*self._talks, return_exceptions=True), deadline)
        for task, talk in list(self._talks.items()):
            talk.cut(task)
        if self._talks:
            await asyncio.wait(self._talks, timeout=CUT_WITHIN_S)
        if self._talks:
            logger.warning("%d connections did not end in time and are left behind", len(self._talks))
        await self._wait_for_clients(deadline)

    async def _wait_for_clients(self, deadline: float) -> None:
        """Let servers take what was sent to slow clients: they cut a response whose worker leaves before that."""
        waiter = LoopWaiter(asyncio.get_running_loop())
        with suppress(LayerClosed):
            if not self._layer.node.when(_is_read, waiter):
                await self._wait_for(waiter.future, deadline)
            self._layer.node.stop_waiting(waiter)

    async def _wait_for(self, awaited: asyncio.Future[Any], deadline: float) -> None:
        """Wait until *deadline* at most, and not at all for one who is told to stop twice."""
        hurrying = asyncio.ensure_future(self._hurrying.wait())
        left_s = max(0.0, deadline - asyncio.get_running_loop().time())
        await asyncio.wait({awaited, hurrying}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()

    def _report_peers(self) -> None:
        self._say(describe_peers(self._layer.peers()))

    def _say(self, sentence: str) -> None:
        self._say_line(f"worker {short(self._layer.node_id)} {sentence}")


def _is_read(mesh: Mesh) -> bool:
    return mesh.is_read(HTTP_RESPONSE_PREFIX)
