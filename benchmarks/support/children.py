"""
Processes that each open a channel layer and do what they are told, over a pipe that is not part of what is measured.

What such a process can do is an :class:`Actor`: ``readers`` and ``senders`` have them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol, Self

from contestants.layers import Backend, Layer, close_layer, open_layer

__all__ = ["Actor", "Child"]

START_WITHIN_S: Final = 60.0
CALL_WITHIN_S: Final = 120.0
END_WITHIN_S: Final = 8.0

Call = tuple[str, tuple[Any, ...]]


class Actor(Protocol):
    """What a process does with its layer. Its coroutine methods can be called from the parent."""

    async def start(self) -> Any:
        """Get ready; what is returned is the answer to :meth:`Child.hello`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What an actor raised, as text."""

    text: str


class Child:
    """
    One process, ended on exit of the ``with``; also ends when its parent does.

    Args:
        backend: What it opens.
        peers: Other processes that open the same.
        make_actor: Called in the process, with the layer and *arguments*; can be pickled, as these.
    """

    def __init__(self, backend: Backend, peers: int, make_actor: Callable[..., Actor], *arguments: Any) -> None:
        self._arguments = (backend, peers, make_actor, arguments)

    def __enter__(self) -> Self:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(self, *exc: object) -> None:
        self._pipe.close()
        self._process.join(END_WITHIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def hello(self) -> Any:
        """
        Wait until its layer is open and its actor ready.

        Raises:
            RuntimeError: It failed, or needs more than a minute.
        """
        return self._answer(START_WITHIN_S)

    def call(self, name: str, *arguments: Any) -> Any:
        """
        Call a method of the actor; return what that returns.

        Raises:
            RuntimeError: It failed, or needs more than two minutes.
        """
        try:
            self._pipe.send((name, arguments))
        except OSError:
            raise RuntimeError("a process of the benchmark has ended") from None
        return self._answer(CALL_WITHIN_S)

    def _answer(self, within_s: float) -> Any:
        if not self._pipe.poll(within_s):
            raise RuntimeError(f"a process of the benchmark gave no answer within {within_s:g} s")
        try:
            answer = self._pipe.recv()
        except (EOFError, OSError):
            raise RuntimeError("a process of the benchmark has ended") from None
        if isinstance(answer, Failure):
            raise RuntimeError(answer.text)
        return answer


def _main(
    pipe: Connection, backend: Backend, peers: int, make_actor: Callable[..., Actor], arguments: tuple[Any, ...]
) -> None:
    for name in [name for name in os.environ if name.startswith("ZMQLAYER_")]:
        del os.environ[name]  # the settings of the benchmark alone count
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the keyboard: the parent hangs up
    asyncio.run(_serve(pipe, backend, peers, make_actor, arguments))


async def _serve(
    pipe: Connection, backend: Backend, peers: int, make_actor: Callable[..., Actor], arguments: tuple[Any, ...]
) -> None:
    layer: Layer | None = None
    try:
        layer = await open_layer(backend, peers)
        actor = make_actor(layer, *arguments)
        pipe.send(await actor.start())
        gc.collect()
        gc.freeze()
        while (call := await _next_call(pipe)) is not None:
            pipe.send(await _answer(actor, call))
    except Exception:  # noqa: BLE001 - told to the parent
        with suppress(OSError):
            pipe.send(Failure(traceback.format_exc()))
    if layer is not None:
        with suppress(Exception):
            await close_layer(layer)
    os._exit(0)  # the tasks that still read would complain


async def _answer(actor: Actor, call: Call) -> Any:
    name, arguments = call
    try:
        return await getattr(actor, name)(*arguments)
    except Exception:  # noqa: BLE001 - told to the parent
        return Failure(traceback.format_exc())


async def _next_call(pipe: Connection) -> Call | None:
    """Return None if the parent hung up."""
    loop = asyncio.get_running_loop()
    is_readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(pipe.fileno(), is_readable.set_result, None)
    try:
        await is_readable
    finally:
        loop.remove_reader(pipe.fileno())
    try:
        call: Call = pipe.recv()
    except (EOFError, OSError):
        return None
    return call
