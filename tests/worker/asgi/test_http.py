"""Requests on a real node: what the application hears, and which messages its answer takes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support.asgi_app import application as plain
from support.asgi_stage import Stage, eventually, play
from zmqlayer.worker.asgi.exceptions import BodyLost, ClientGone

PIECE = 65_536


def start(status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status}


def body(content: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


class Recorded:
    """An application that keeps what it hears, and does what a test says."""

    def __init__(self, *sent: dict[str, Any], hears: int = 0) -> None:
        self.heard: list[Any] = []
        self.scope: dict[str, Any] = {}
        self.error: BaseException | None = None
        self._sent = sent
        self._hears = hears

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        self.scope = scope
        try:
            for _ in range(self._hears):
                self.heard.append(await receive())
            for event in self._sent:
                await send(event)
        except BaseException as exc:
            self.error = exc
            raise


def test_a_plain_answer_is_one_message() -> None:
    """With status, headers and content, and nothing before or after it."""
    app = Recorded(start(201), body(b"hello"), hears=1)

    async def script(stage: Stage) -> Any:
        reply = stage.request("/a/", "POST", body=b"question")
        answer = await stage.read(reply)
        await eventually(lambda: "running | 0" in repr(stage.worker))
        return answer, stage.unread(reply)

    assert play(app, script) == (
        {"status": 201, "headers": [], "content": b"hello", "more_content": False, "order": 0},
        0,
    )
    assert app.heard == [{"type": "http.request", "body": b"question", "more_body": False}]
    assert (app.scope["path"], app.scope["method"]) == ("/a/", "POST")


def test_a_body_in_pieces() -> None:
    """It is taken from its channel piece by piece, as the application asks for it."""
    app = Recorded(start(), body(), hears=4)

    async def script(stage: Stage) -> None:
        channel = stage.layer.new_channel("http.request.body?")
        reply = stage.request("/", "POST", body=b"a", body_channel=channel)
        for order, content in enumerate((b"b", b"", b"c")):
            stage.layer.send(channel, {"content": content, "more_content": order < 2, "order": order})
        await stage.read(reply)

    play(app, script)
    assert [(event["body"], event["more_body"]) for event in app.heard] == [
        (b"a", True), (b"b", True), (b"", True), (b"c", False),
    ]  # fmt: skip


def test_nobody_reads_ahead_of_the_application() -> None:
    """What it does not ask for stays at the server, but for two pieces."""

    async def hesitate(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        for _ in range(2):
            await receive()
        await asyncio.Event().wait()

    async def script(stage: Stage) -> Any:
        channel = stage.layer.new_channel("http.request.body?")
        stage.request("/", "POST", body=b"a", body_channel=channel)
        for order in range(10):
            stage.layer.send(channel, {"content": b"x", "more_content": True, "order": order})
        await eventually(lambda: len(list(stage.layer.node.ask(lambda mesh, now: list(mesh.letters())))) == 9)
        return stage.layer.node.ask(lambda mesh, now: mesh._dispatch.queued)

    assert play(hesitate, script) >= 7


def test_a_piece_that_was_lost(caplog: pytest.LogCaptureFixture) -> None:
    """The application hears an error where the hole is, and the client that the request failed."""
    app = Recorded(start(), body(), hears=3)

    async def script(stage: Stage) -> Any:
        channel = stage.layer.new_channel("http.request.body?")
        reply = stage.request("/", "POST", body_channel=channel)
        stage.layer.send(channel, {"content": b"b", "more_content": True, "order": 0})
        stage.layer.send(channel, {"content": b"d", "more_content": True, "order": 2})
        return (await stage.read(reply))["status"]

    assert play(app, script) == 500
    assert isinstance(app.error, BodyLost)
    assert "piece 1 of the request's body was lost" in caplog.text


def test_a_client_that_leaves_while_it_uploads() -> None:
    """The application hears of it where it waits for the next piece; nobody is answered."""
    app = Recorded(start(), body(), hears=3)

    async def script(stage: Stage) -> int:
        channel = stage.layer.new_channel("http.request.body?")
        reply = stage.request("/", "POST", body_channel=channel)
        stage.layer.send(channel, {"closed": True})
        await eventually(lambda: app.error)
        return stage.unread(reply)

    assert play(app, script) == 0
    assert [event["type"] for event in app.heard] == ["http.request", "http.disconnect", "http.disconnect"]
    assert isinstance(app.error, ClientGone)


def test_nobody_uploads_to_who_has_answered() -> None:
    """An application that did not want the rest hears of no more, and waits for nothing."""

    async def answer_first(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        heard.append(await receive())
        waiting = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await send(start())
        await send(body(b"enough"))
        heard.extend([await waiting, await receive()])

    heard: list[Any] = []

    async def script(stage: Stage) -> Any:
        channel = stage.layer.new_channel("http.request.body?")
        content = (await stage.read(stage.request("/", "POST", body_channel=channel)))["content"]
        await eventually(lambda: len(heard) == 3)
        return content

    assert play(answer_first, script) == b"enough"
    assert [event["type"] for event in heard] == ["http.request", "http.disconnect", "http.disconnect"]


def test_a_piece_that_is_given_up_breaks_the_response() -> None:
    """An application that stops waiting for a slow client cannot go on behind the gap."""

    async def impatient(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send(start())
        try:
            async with asyncio.timeout(0.01):
                while True:
                    await send(body(b"x", True))
        except TimeoutError:
            gave_up.append(True)
            await send(body(b"last"))

    gave_up: list[bool] = []

    async def script(stage: Stage) -> Any:
        reply = stage.request()
        await eventually(lambda: gave_up)
        return [await stage.read(reply) for _ in range(5)]

    parts = play(impatient, script, {"capacity": 4})
    assert [part.get("order") for part in parts] == [0, 1, 2, 3, None]
    assert parts[-1]["closed"] is True


def test_who_waits_for_the_end_hears_of_it() -> None:
    """After a while the server is invited to tell; its word ends the wait."""
    app = Recorded(hears=2)

    async def script(stage: Stage) -> Any:
        reply = stage.request()
        invitation = await stage.read(reply)
        stage.layer.send(invitation["events_channel"], {"type": "http.disconnect", "reply_channel": reply, "path": "/"})
        await eventually(lambda: len(app.heard) == 2)
        return set(invitation), stage.unread(reply)

    assert play(app, script) == ({"events_channel"}, 0)
    assert app.heard[1] == {"type": "http.disconnect"}


def test_a_server_that_is_gone_is_noticed() -> None:
    """Without a word of it: its channel has ended."""
    app = Recorded(hears=2)

    async def script(stage: Stage) -> None:
        reply = stage.request()
        await eventually(lambda: app.heard)
        stage.layer.close_channel(reply)
        await eventually(lambda: len(app.heard) == 2)

    play(app, script)
    assert app.heard[1] == {"type": "http.disconnect"}


def test_a_quick_answer_needs_no_invitation() -> None:
    """Also of an application that listens for the client's end while it answers, as Django does."""

    async def listen(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await receive()
        listening = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await send(start())
        await send(body(b"hello"))
        heard.append(await listening)

    heard: list[Any] = []

    async def script(stage: Stage) -> Any:
        reply = stage.request()
        answer = await stage.read(reply)
        await eventually(lambda: heard)
        return "events_channel" in answer, stage.unread(reply)

    assert play(listen, script) == (False, 0)
    assert heard == [{"type": "http.disconnect"}]


def test_a_stream_invites_with_its_first_piece() -> None:
    """So it costs no message more, and its application hears at once that the client left."""
    pieces = [body(b"x", True) for _ in range(50)]
    app = Recorded(start(), *pieces)

    async def script(stage: Stage) -> Any:
        reply = stage.request()
        first, second = [await stage.read(reply) for _ in range(2)]
        stage.layer.send(first["events_channel"], {"type": "http.disconnect"})
        stage.layer.close_channel(reply)
        await eventually(lambda: app.error)
        return first["content"], "events_channel" in second, second["order"]

    assert play(app, script) == (b"x", False, 1)
    assert isinstance(app.error, ClientGone)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204)])
def test_a_stream_that_nobody_may_have(method: str, status: int) -> None:
    """The answer goes out at once, and the application need not make the rest, which may have no end."""
    app = Recorded(start(status), *[body(b"x", True) for _ in range(3)])

    async def script(stage: Stage) -> Any:
        reply = stage.request("/", method)
        answer = await stage.read(reply)
        await eventually(lambda: app.error)
        return answer["status"], answer["content"], answer["more_content"], stage.unread(reply)

    assert play(app, script) == (status, b"", False, 0)
    assert isinstance(app.error, ClientGone)


def test_an_answer_to_head_is_ended_in_peace() -> None:
    """An application that sends all its content in one piece, or in one piece and an end, hears of no error."""
    app = Recorded(start(), body(b"x", True), body(b""), hears=1)

    async def script(stage: Stage) -> Any:
        answer = await stage.read(stage.request("/", "HEAD"))
        await eventually(lambda: "running | 0" in repr(stage.worker))
        return answer["more_content"]

    assert play(app, script) is False
    assert app.error is None


def test_errors_after_the_client_has_left_are_no_alarm(caplog: pytest.LogCaptureFixture) -> None:
    """Frameworks raise errors of their own when somebody leaves: a line, and no traceback."""

    async def raises(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while (await receive())["type"] != "http.disconnect":
            pass
        raise RuntimeError("disconnected")

    async def script(stage: Stage) -> None:
        reply = stage.request()
        await stage.read(reply)
        stage.layer.close_channel(reply)
        await eventually(lambda: "running | 0" in repr(stage.worker))

    caplog.set_level("INFO")
    play(raises, script)
    assert "had left when the application raised RuntimeError('disconnected')" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_slow_client_holds_back_the_application() -> None:
    """Sending waits for room, and goes on when there is some; nothing is lost or changes its place."""
    app = Recorded(start(), body(bytes(range(256)) * 10_240), hears=1)  # forty pieces

    async def script(stage: Stage) -> Any:
        reply = stage.request()
        await eventually(lambda: stage.unread(reply) == 4)
        for _ in range(100):
            await asyncio.sleep(0)
        waiting = stage.unread(reply)
        return waiting, await stage.read_content(reply)

    waiting, (first, content) = play(app, script, {"capacity": 4})
    assert (waiting, first["status"]) == (4, 200)
    assert content == bytes(range(256)) * 10_240


def test_a_client_that_leaves_frees_who_waits_for_it() -> None:
    """An application that cannot send on hears why."""
    app = Recorded(start(), *[body(b"x", True) for _ in range(50)])

    async def script(stage: Stage) -> None:
        reply = stage.request()
        await eventually(lambda: stage.unread(reply) == 4)
        stage.layer.close_channel(reply)
        await eventually(lambda: app.error)

    play(app, script, {"capacity": 4})
    assert isinstance(app.error, OSError)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/raise/", "RuntimeError: broken"),
        ("/exit/", "SystemExit: 7"),
        ("/silent/", "returned from GET /silent/ without the end of its response"),
        ("/garbage/text", "TypeError: the application sent 'hello', where a dict with a 'type' is expected"),
        ("/garbage/order", "RuntimeError: the application sent 'http.response.body' where 'http.response.start'"),
        ("/garbage/status", "TypeError: 'status' of 'http.response.start' is '200'"),
        ("/garbage/headers", "TypeError: 'headers' of 'http.response.start' is no list of pairs"),
        ("/garbage/unknown", "RuntimeError: the application sent 'http.response.song'"),
        ("/garbage/large", "MessageTooLarge: the message for"),
    ],
)
def test_what_an_application_does_wrong(path: str, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its client gets a 500 at once, the log an explanation, and the next request an answer."""

    async def script(stage: Stage) -> Any:
        failed = await stage.read(stage.request(path))
        next_one = await stage.read(stage.request("/hello/"))
        return failed["status"], failed["more_content"], next_one["content"]

    assert play(plain, script) == (500, False, b"hello")
    assert sentence in caplog.text
    assert path in caplog.text


def test_a_response_that_fails_midway_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """The client must not take it for whole."""

    async def script(stage: Stage) -> Any:
        reply = stage.request("/begun/")
        return [await stage.read(reply) for _ in range(2)]

    first, second = play(plain, script)
    assert (first["content"], second["closed"]) == (b"first", True)


def test_a_stop_lets_requests_finish(caplog: pytest.LogCaptureFixture) -> None:
    """Those that take too long are answered with 503, or cut if their response has begun."""
    gate = asyncio.Event()

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/begun/":
            await send(start())
            await send(body(b"first", True))
        await (gate.wait() if scope["path"] == "/quick/" else asyncio.Event().wait())
        await send(start())
        await send(body(b"quick"))

    async def script(stage: Stage) -> Any:
        quick, slow, begun = (stage.request(path) for path in ("/quick/", "/slow/", "/begun/"))
        await stage.read(begun)
        await eventually(lambda: "3 connections" in repr(stage.worker))
        stage.worker.stop()
        gate.set()
        status = await stage.ended()
        return status, [await stage.read(reply) for reply in (quick, slow, begun)]

    status, (quick, slow, begun) = play(answer, script, graceful_timeout_s=0.05)
    assert (status, quick["content"], slow["status"], begun.get("closed")) == (0, b"quick", 503, True)
    assert caplog.text.count("took too long when the worker stopped: cut") == 2
