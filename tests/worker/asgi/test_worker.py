"""The worker on a real node: how much it takes, what it leaves to others, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support.asgi_app import application as plain
from support.asgi_app import failing
from support.asgi_stage import Stage, eventually, play
from zmqlayer.worker.asgi import worker as worker_module


class Gated:
    """An application that answers when its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.running = self.most = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.running += 1
        self.most = max(self.most, self.running)
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["path"].encode()})
        self.running -= 1


def test_many_at_a_time() -> None:
    """As many as the limit says; the others are read when there is place again, and all are answered."""
    app = Gated()

    async def script(stage: Stage) -> Any:
        replies = [stage.request(f"/{number}/") for number in range(20)]
        await eventually(lambda: app.running == 4)
        for _ in range(50):
            await asyncio.sleep(0)
        app.gate.set()
        return [(await stage.read(reply))["content"] for reply in replies]

    assert play(app, script, limit_concurrency=4) == [f"/{number}/".encode() for number in range(20)]
    assert app.most == 4


def test_at_the_limit_others_get_the_work() -> None:
    """Nothing lies unread at a worker that has enough to do."""
    app = Gated()

    async def script(stage: Stage) -> Any:
        for number in range(6):
            stage.request(f"/{number}/")
        await eventually(lambda: app.running == 4)
        _, left = await asyncio.wait_for(stage.layer.receive_async(["http.request"]), 5.0)
        app.gate.set()
        return (left or {})["path"]

    assert play(app, script, limit_concurrency=4) == "/4/"


def test_one_at_a_time() -> None:
    """The smallest limit."""
    app = Gated()
    app.gate.set()

    async def script(stage: Stage) -> Any:
        replies = [stage.request(f"/{number}/") for number in range(5)]
        return [(await stage.read(reply))["status"] for reply in replies]

    assert play(app, script, limit_concurrency=1) == [200] * 5
    assert app.most == 1


def test_what_it_says() -> None:
    """What it reads, for which application and in which cluster."""

    async def script(stage: Stage) -> Any:
        await eventually(lambda: stage.said)
        return stage.said[0]

    said = play(plain, script, {"cluster": "blue"}, name="site:app", channels=("http.request",))
    assert said.startswith("worker ")
    assert said.endswith(" reads http.request with site:app in cluster 'blue'")


def test_whom_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment later it says who is there."""
    monkeypatch.setattr(worker_module, "LOOK_AROUND_S", 0.0)

    async def script(stage: Stage) -> Any:
        await eventually(lambda: len(stage.said) == 2)
        return stage.said[1]

    assert play(plain, script).endswith(" found nobody yet; it goes on looking")


@pytest.mark.parametrize("message", [{}, {"reply_channel": "a!b"}, {"reply_channel": 7, "method": 8}])
def test_messages_that_are_no_requests(message: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """They are named in the log, and the next one is answered."""

    async def script(stage: Stage) -> Any:
        stage.layer.send("http.request", message)
        stage.layer.send("websocket.connect", message)
        return (await stage.read(stage.request("/hello/")))["content"]

    assert play(plain, script) == b"hello"
    assert "a message on http.request is malformed: dropped" in caplog.text
    assert "a message on websocket.connect is malformed: dropped" in caplog.text


def test_a_message_with_a_reply_channel_that_cannot_be(caplog: pytest.LogCaptureFixture) -> None:
    """Its application runs, nobody is answered, and the worker lives."""

    async def script(stage: Stage) -> Any:
        stage.request("/hello/", reply_channel="no channel")
        return (await stage.read(stage.request("/hello/")))["content"]

    assert play(plain, script) == b"hello"
    assert "is not a channel name" in caplog.text


def test_an_application_that_cannot_start(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is read; the status is 3, and the log has the application's own words."""

    async def script(stage: Stage) -> Any:
        return await stage.ended(), stage.said

    assert play(failing, script) == (3, [])
    assert "the application cannot start: the database is away" in caplog.text


def test_lifespan_frames_everything(capfd: pytest.CaptureFixture[str]) -> None:
    """The application starts before the first message, and ends after the last."""
    events: list[str] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                events.append(kind)
                scope["state"]["db"] = "open"
                await send({"type": f"lifespan.{kind}.complete"})
        else:
            await receive()
            events.append(scope["state"]["db"])
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

    async def script(stage: Stage) -> Any:
        reply = stage.request()
        await stage.read(reply)
        stage.worker.stop()
        return await stage.ended()

    assert play(application, script) == 0
    assert events == ["startup", "open", "shutdown"]


def test_a_stop_before_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """An application that takes its time is not waited for."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def script(stage: Stage) -> Any:
        await asyncio.sleep(0)
        stage.worker.stop()
        return await stage.ended(), stage.said

    assert play(application, script) == (0, [])


def test_the_end_of_the_layer(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody closed it: the worker ends, too."""

    async def script(stage: Stage) -> Any:
        await eventually(lambda: stage.said)
        await asyncio.to_thread(stage.layer.close)
        return await stage.ended()

    assert play(plain, script) == 0
    assert "the layer was closed under the worker" in caplog.text


def test_what_was_not_started_goes_back() -> None:
    """A worker that stops leaves the rest of the queue to others."""
    app = Gated()

    async def script(stage: Stage) -> Any:
        replies = [stage.request(f"/{number}/") for number in range(3)]
        await eventually(lambda: app.running == 1)
        stage.worker.stop()
        app.gate.set()
        await stage.read(replies[0])
        await stage.ended()
        return [(stage.layer.receive(["http.request"])[1] or {})["path"] for _ in range(2)]

    assert play(app, script, limit_concurrency=1) == ["/1/", "/2/"]


def test_a_stop_waits_for_slow_clients() -> None:
    """A response that the application has finished is not cut because its client has not read it yet."""

    async def script(stage: Stage) -> Any:
        reply = stage.request("/bytes/200000")
        await eventually(lambda: stage.unread(reply) == 4)
        stage.worker.stop()
        await eventually(lambda: "stopping | 0" in repr(stage.worker))
        for _ in range(50):
            await asyncio.sleep(0)
        was_running = stage.is_running
        _, content = await stage.read_content(reply)
        return was_running, len(content), await stage.ended()

    assert play(plain, script) == (True, 200_000, 0)


def test_a_second_stop_waits_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever says it twice means it."""
    app = Gated()

    async def script(stage: Stage) -> Any:
        reply = stage.request()
        await eventually(lambda: app.running == 1)
        stage.worker.stop()
        await asyncio.sleep(0)
        stage.worker.stop()
        await stage.ended()
        return (await stage.read(reply))["status"]

    assert play(app, script, graceful_timeout_s=1000.0) == 503


class Slow:
    """An application that shuts down in its own time; ``ends`` holds how it went."""

    def __init__(self, turns: int | None) -> None:
        self.ends: list[str] = []
        self._turns = turns

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        self.ends.append((await receive())["type"])
        if self._turns is None:
            await asyncio.Event().wait()
        for _ in range(self._turns or 0):
            await asyncio.sleep(0)
        self.ends.append("done")
        await send({"type": "lifespan.shutdown.complete"})


def test_who_has_no_time_for_requests_lets_the_application_shut_down() -> None:
    """What it keeps open has to be closed."""
    app = Slow(turns=10)

    async def script(stage: Stage) -> None:
        await eventually(lambda: stage.said)
        stage.worker.stop()
        await stage.ended()

    play(app, script, graceful_timeout_s=0.0)
    assert app.ends == ["lifespan.shutdown", "done"]


@pytest.mark.parametrize("is_late", [True, False])
def test_a_second_stop_hurries_an_application_that_shuts_down(
    is_late: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after it was told."""
    monkeypatch.setattr(worker_module, "CUT_WITHIN_S", 0.01)
    app = Slow(turns=None)

    async def script(stage: Stage) -> None:
        await eventually(lambda: stage.said)
        stage.worker.stop()
        if is_late:
            await eventually(lambda: app.ends)
        stage.worker.stop()
        await stage.ended()

    play(app, script, graceful_timeout_s=1000.0)
    assert "did not shut down in time" in caplog.text
