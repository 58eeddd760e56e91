"""An application's own life: its start, its end, and whatever it makes of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from zmqlayer.worker.asgi.exceptions import StartupFailed
from zmqlayer.worker.asgi.lifespan import Lifespan

WITHIN_S = 5.0


def live(application: Any, *, within_s: float = WITHIN_S) -> Lifespan:
    """Let *application* start and end."""

    async def main() -> Lifespan:
        lifespan = Lifespan(application)
        await lifespan.start()
        await lifespan.stop(within_s)
        return lifespan

    return asyncio.run(asyncio.wait_for(main(), 2 * WITHIN_S))


def application(*kinds: str, **values: Any) -> Any:
    """Return an application that says one of *kinds* for each event, and keeps what it heard."""
    heard: list[str] = []

    async def live(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scope["state"]["heard"] = heard
        for kind in kinds:
            heard.append((await receive())["type"])
            await send({"type": f"lifespan.{kind}", **values})

    return live


def test_a_whole_life() -> None:
    """It is told of both, and its state is kept."""
    lifespan = live(application("startup.complete", "shutdown.complete"))

    assert lifespan.state == {"heard": ["lifespan.startup", "lifespan.shutdown"]}
    assert repr(lifespan) == "<Lifespan [OVER]>"


def test_a_start_that_fails() -> None:
    """In the application's own words, or in ours if it has none."""
    with pytest.raises(StartupFailed, match="no database"):
        live(application("startup.failed", message="no database"))
    with pytest.raises(StartupFailed, match="did not say why"):
        live(application("startup.failed"))


def test_who_knows_no_lifespan(caplog: pytest.LogCaptureFixture) -> None:
    """It raises, or returns; the worker goes on without."""

    async def ignorant(scope: dict[str, Any], receive: Any, send: Any) -> None:
        raise KeyError(scope["type"])

    async def silent(scope: dict[str, Any], receive: Any, send: Any) -> None:
        pass

    caplog.set_level("INFO")
    live(ignorant)
    live(silent)

    assert "does without lifespan: it raised KeyError('lifespan')" in caplog.text


@pytest.mark.parametrize(
    ("app", "sentence"),
    [
        (application("startup.complete", "shutdown.failed", message="stuck"), "failed to shut down: stuck"),
        (application("startup.complete", "startup.complete"), "where 'lifespan.shutdown.complete' or"),
        (application("startup.complete", "song"), "sent 'lifespan.song' where"),
    ],
)
def test_an_end_that_fails(app: Any, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is a line in the log."""
    live(app)

    assert sentence in caplog.text


def test_an_end_that_does_not_come(caplog: pytest.LogCaptureFixture) -> None:
    """It is not waited for longer than it may take."""

    async def stubborn(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await asyncio.Event().wait()

    live(stubborn, within_s=0.01)

    assert "did not shut down in time" in caplog.text


def test_an_end_that_is_hurried(caplog: pytest.LogCaptureFixture) -> None:
    """An application that shuts down is given less time; before and after that there is nothing to hurry."""
    is_told = asyncio.Event()

    async def stubborn(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        is_told.set()
        await asyncio.Event().wait()

    async def main() -> None:
        lifespan = Lifespan(stubborn)
        await lifespan.start()
        lifespan.hurry(0.0)
        stopping = asyncio.create_task(lifespan.stop(1000.0))
        await is_told.wait()
        lifespan.hurry(0.01)
        lifespan.hurry(1000.0)
        await stopping
        lifespan.hurry(0.0)

    asyncio.run(asyncio.wait_for(main(), WITHIN_S))
    assert "did not shut down in time" in caplog.text
