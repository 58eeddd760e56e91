"""
The application's own life: it is told to start before the first message is read, and to end after the last.

An application that raises, or returns, before it has said that it is ready does not know of this, and goes on without.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from typing import Any, Final

from zmqlayer.worker.asgi.exceptions import StartupFailed
from zmqlayer.worker.asgi.fields import read_kind
from zmqlayer.worker.asgi.scopes import lifespan_scope
from zmqlayer.worker.asgi.types import Application, Event

__all__ = ["Lifespan"]

logger = logging.getLogger(__name__)


class State(Enum):
    """How far the application is; each with the word for what it may say then."""

    STARTING = "'lifespan.startup.complete' or 'lifespan.startup.failed'"
    RUNNING = "nothing, since it was not told to shut down,"
    STOPPING = "'lifespan.shutdown.complete' or 'lifespan.shutdown.failed'"
    OVER = "nothing, since its life is over,"


TRANSITIONS: Final = {
    (State.STARTING, "lifespan.startup.complete"): State.RUNNING,
    (State.STARTING, "lifespan.startup.failed"): State.OVER,
    (State.STOPPING, "lifespan.shutdown.complete"): State.OVER,
    (State.STOPPING, "lifespan.shutdown.failed"): State.OVER,
}


class Lifespan:
    """
    One application from its start to its end.

    Attributes:
        state: What the application keeps for its connections.
    """

    def __init__(self, application: Application) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._state = State.STARTING
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._answer: asyncio.Future[tuple[bool, str]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._patience: asyncio.Timeout | None = None

    def __repr__(self) -> str:
        return f"<Lifespan [{self._state.name}]>"

    async def start(self) -> None:
        """
        Wait until the application is ready, however long that takes.

        Raises:
            StartupFailed: It says that it cannot start.
        """
        self._task = asyncio.get_running_loop().create_task(self._run())
        is_well, sentence = await self._ask("lifespan.startup")
        if not is_well:
            raise StartupFailed(sentence)

    async def stop(self, within_s: float) -> None:
        """Tell the application to shut down, and wait for it, but no longer than *within_s*."""
        if self._task is None or self._task.done() or self._state is not State.RUNNING:
            await self._cancel()
            return
        self._state = State.STOPPING
        try:
            async with asyncio.timeout(within_s) as self._patience:
                is_well, sentence = await self._ask("lifespan.shutdown")
        except TimeoutError:
            logger.warning("the application did not shut down in time")
        else:
            if not is_well:
                logger.error("the application failed to shut down: %s", sentence or "it did not say why")
        self._patience = None
        await self._cancel()

    def hurry(self, within_s: float) -> None:
        """If :meth:`stop` waits for the application, let it wait no longer than *within_s* from now on."""
        ends_at = asyncio.get_running_loop().time() + within_s
        if self._patience is not None and (self._patience.when() or 0.0) > ends_at:
            self._patience.reschedule(ends_at)

    async def _ask(self, kind: str) -> tuple[bool, str]:
        assert self._task is not None  # start() made it
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._events.put_nowait({"type": kind})
        await asyncio.wait({self._task, answer}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else (True, "")

    async def _run(self) -> None:
        try:
            await self._application(lifespan_scope(self.state), self._events.get, self._send)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as exc:
            if self._state is State.STARTING:
                logger.info("the application does without lifespan: it raised %r", exc)
            elif self._state is not State.OVER:
                logger.exception("the application's lifespan failed")
        self._state = State.OVER

    async def _send(self, event: Event) -> None:
        kind = read_kind(event)
        try:
            self._state = TRANSITIONS[self._state, kind]
        except KeyError:
            raise RuntimeError(f"the application sent {kind!r} where {self._state.value} is expected") from None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((kind.endswith(".complete"), str(event.get("message", ""))))

    async def _cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)
