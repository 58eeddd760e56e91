"""The threads for the synchronous code of asynchronous views."""

from __future__ import annotations

import asyncio
import gc
import threading

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from zmqlayer.worker.desks import Desks


async def where(desks: Desks, times: int = 1) -> list[int]:
    """Return the thread on which each of several pieces of code of one request runs."""
    with desks.take():
        return [await sync_to_async(threading.get_ident)() for _ in range(times)]


def test_a_request_keeps_to_its_desk() -> None:
    """So that its transactions and connections are seen by all its code."""

    async def main() -> list[int]:
        return await asyncio.create_task(where(Desks(3), times=5))

    assert len(set(asyncio.run(main()))) == 1


def test_desks_are_shared() -> None:
    """However many requests there are, and however long they last."""

    async def main() -> list[list[int]]:
        desks = Desks(3)
        return await asyncio.gather(*(where(desks) for _ in range(12)))

    assert len({thread for (thread,) in asyncio.run(main())}) == 3


def test_a_busy_desk_holds_up_only_its_own() -> None:
    """The other desks go on."""

    async def main() -> bool:
        desks, gate = Desks(2), threading.Event()

        async def block() -> None:
            with desks.take():
                await sync_to_async(gate.wait)(5.0)

        blocked = asyncio.create_task(block())
        await asyncio.sleep(0)
        (thread,) = await asyncio.create_task(where(desks))
        was_free = not blocked.done() and thread != threading.get_ident()
        gate.set()
        await blocked
        return was_free

    assert asyncio.run(main())


def test_code_that_waits_for_the_view_has_a_desk_of_its_own() -> None:
    """However many such requests wait, the next is served; the thread ends with the request."""

    async def wait(gate: threading.Event, arrived: threading.Semaphore, desks: Desks) -> None:
        def hold() -> None:
            arrived.release()
            gate.wait(5.0)

        with desks.take(is_held=True):
            await sync_to_async(hold)()

    async def main() -> None:
        gate, arrived, desks = threading.Event(), threading.Semaphore(0), Desks(1)
        waiting = [asyncio.create_task(wait(gate, arrived, desks)) for _ in range(3)]
        for _ in range(3):
            assert await asyncio.to_thread(arrived.acquire, timeout=5.0)
        gate.set()
        await asyncio.gather(*waiting)

    asyncio.run(main())


def test_a_desk_of_its_own_is_cleared_with_its_request(database: None) -> None:
    """Its thread ends, and its connection to the database is closed, although the collector has not come by."""
    seen: list[tuple[threading.Thread, BaseDatabaseWrapper]] = []

    def look() -> None:
        connection.ensure_connection()
        seen.append((threading.current_thread(), connections[DEFAULT_DB_ALIAS]))

    async def main() -> int:
        desks = Desks(1)
        with desks.take(is_held=True):
            await sync_to_async(look)()
        return await sync_to_async(threading.get_ident)()

    gc.disable()
    try:
        after = asyncio.run(main())
        ((thread, opened),) = seen
        thread.join(5.0)
    finally:
        gc.enable()

    assert not thread.is_alive()
    assert opened.connection is None
    assert after != thread.ident
