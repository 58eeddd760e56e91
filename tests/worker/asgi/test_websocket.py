"""WebSockets on a real node: every event comes to one application, in order, when it asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, WebSocket

from support.asgi_app import application as plain
from support.asgi_stage import Stage, eventually, play
from zmqlayer.worker.asgi.exceptions import ClientGone

ACCEPT = {"type": "websocket.accept"}
REFUSE = {"type": "websocket.http.response.start"}
CAPACITY = 16


class Recorded:
    """An application that accepts, keeps what it hears, and does with it what a test says."""

    def __init__(self, then: Callable[..., Any] | None = None) -> None:
        self.heard: list[Any] = []
        self.error: BaseException | None = None
        self.subprotocols: list[str] = []
        self._then = then

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        self.subprotocols = scope["subprotocols"]
        try:
            self.heard.append(await receive())
            await send(ACCEPT)
            if self._then is not None:
                await self._then(receive, send)
            while self.heard[-1]["type"] != "websocket.disconnect":
                self.heard.append(await receive())
        except BaseException as exc:
            self.error = exc
            raise


async def never(receive: Any, send: Any) -> None:
    """Wait for ever."""
    await asyncio.Event().wait()


def test_an_echo() -> None:
    """The invitation comes first, then the answer to the handshake, then what was said."""

    async def script(stage: Stage) -> Any:
        reply, events = await stage.opened()
        for text in ("a", "b", "c"):
            stage.say(events, text)
        stage.tell(events, "websocket.receive", bytes=b"d", text=None)
        heard = [await stage.read(reply) for _ in range(4)]
        stage.tell(events, "websocket.disconnect", code=1001)
        await eventually(lambda: "running | 0" in repr(stage.worker))
        return heard, stage.unread(reply)

    assert play(plain, script) == ([{"text": "a"}, {"text": "b"}, {"text": "c"}, {"bytes": b"d"}], 0)


def test_a_disconnect_is_told_again_and_again() -> None:
    """With its code; sending is an error from then on."""
    app = Recorded()

    async def script(stage: Stage) -> None:
        _, events = await stage.opened()
        stage.say(events, "a")
        stage.tell(events, "websocket.disconnect", code=4001, reason="bye")
        await eventually(lambda: "running | 0" in repr(stage.worker))

    async def send_after_the_end(receive: Any, send: Any) -> None:
        while (event := await receive())["type"] == "websocket.receive":
            pass
        assert await receive() == event
        with pytest.raises(ClientGone):
            await send({"type": "websocket.send", "text": "late"})

    late = Recorded(send_after_the_end)
    play(app, script)
    play(late, script)

    assert app.heard == [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "a", "bytes": None},
        {"type": "websocket.disconnect", "code": 4001, "reason": "bye"},
    ]
    assert (late.heard[-1]["code"], late.error) == (4001, None)


def test_what_nobody_asks_for_stays_in_the_channel() -> None:
    """Its server is told that it is full, and can hold back the client; nothing is lost."""
    gate = asyncio.Event()

    async def wait(receive: Any, send: Any) -> None:
        await gate.wait()

    app = Recorded(wait)

    async def script(stage: Stage) -> Any:
        _, events = await stage.opened()
        for number in range(CAPACITY):
            stage.say(events, str(number))
        refused = False
        try:
            stage.say(events, "one too many")
        except stage.layer.ChannelFull:
            refused = True
        gate.set()
        await eventually(lambda: len(app.heard) == 1 + CAPACITY)
        return refused

    assert play(app, script) is True
    assert [event["text"] for event in app.heard[1 : 1 + CAPACITY]] == [str(number) for number in range(CAPACITY)]


def test_two_tasks_that_receive() -> None:
    """Each gets a message of its own; one that is cancelled loses none."""
    heard: list[Any] = []

    async def receive_twice(receive: Any, send: Any) -> None:
        first, second = (asyncio.create_task(receive()) for _ in range(2))
        await asyncio.sleep(0)
        await send({"type": "websocket.send", "text": "ready"})
        heard.extend(event["text"] for event in await asyncio.gather(first, second))
        third = asyncio.create_task(receive())
        await asyncio.sleep(0)
        third.cancel()
        await asyncio.gather(third, return_exceptions=True)
        await send({"type": "websocket.send", "text": "ready"})

    app = Recorded(receive_twice)

    async def script(stage: Stage) -> None:
        reply, events = await stage.opened()
        await stage.read(reply)
        stage.say(events, "a")
        stage.say(events, "b")
        await stage.read(reply)
        stage.say(events, "c")
        await eventually(lambda: len(app.heard) == 2)

    play(app, script)
    assert (heard, app.heard[1]["text"]) == (["a", "b"], "c")


def test_subprotocols() -> None:
    """The application sees what is offered, and its choice goes to the client."""

    async def choose(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "websocket"
        await send({**ACCEPT, "subprotocol": scope["subprotocols"][1], "headers": [(b"x-a", b"b")]})
        await receive()
        await receive()

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.invited(headers=[[b"sec-websocket-protocol", b"chat, wamp"]])
        return await stage.read(reply)

    assert play(choose, script) == {"accept": True, "subprotocol": "wamp", "headers": [[b"x-a", b"b"]]}


def test_a_handshake_refused_by_a_framework(caplog: pytest.LogCaptureFixture) -> None:
    """FastAPI answers an HTTPException before the WebSocket is accepted with a response: its status arrives."""
    app = FastAPI()

    @app.websocket("/")
    async def refuse(websocket: WebSocket) -> None:
        raise HTTPException(403, "not for you")

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.invited()
        return await stage.read(reply)

    assert play(app, script) == {"close": 1000, "status": 403}
    assert caplog.text == ""


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("answer", [{"type": "websocket.close"}, {**REFUSE, "status": 404}])
def test_who_has_refused_hears_the_end(answer: dict[str, Any], waits: bool) -> None:
    """Consumers of Channels wait for it, and the server, which was told of it, says nothing."""
    heard: list[Any] = []

    async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            end = asyncio.create_task(receive())
            if waits:
                await asyncio.sleep(0)
            await send(answer)
            heard.extend([await end, await receive()])

    async def script(stage: Stage) -> None:
        reply, _ = await stage.invited()
        await stage.read(reply)
        await eventually(lambda: "running | 0" in repr(stage.worker))

    play(refuse, script)
    assert heard == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}] * 2


@pytest.mark.parametrize(
    ("path", "answers", "word"),
    [
        ("/refused/", [{"close": 1000}], ""),
        ("/raise/", [{"close": 1011, "status": 500}], "RuntimeError: broken"),
        ("/silent/", [{"close": 1000, "status": 500}], "without an answer to its handshake"),
        ("/return/", [{"accept": True}, {"close": 1000}], ""),
        ("/return/broken", [{"accept": True}, {"close": 1011}], "RuntimeError: broken"),
    ],
)
def test_how_applications_end(path: str, answers: list[Any], word: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever they do, the client's end is not left open."""

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.invited(path=path)
        return [await stage.read(reply) for _ in answers]

    assert play(plain, script) == answers
    assert word in caplog.text
    assert bool(word) is ("ERROR" in caplog.text)


def test_a_server_that_is_gone() -> None:
    """What the client had said comes first, then 1006."""
    app = Recorded()

    async def script(stage: Stage) -> None:
        reply, events = await stage.opened()
        await eventually(lambda: len(app.heard) == 1)
        stage.say(events, "a")
        stage.layer.close_channel(reply)
        await eventually(lambda: "running | 0" in repr(stage.worker))

    play(app, script)
    assert [event.get("text", event.get("code")) for event in app.heard[1:]] == ["a", 1006]


def test_a_message_that_was_lost(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody hears a conversation with a hole: both sides are told that it is over."""
    app = Recorded()

    async def script(stage: Stage) -> Any:
        reply, events = await stage.opened()
        stage.layer.send(events, {"type": "websocket.receive", "order": 2, "text": "b", "bytes": None})
        closed = await stage.read(reply)
        await eventually(lambda: "running | 0" in repr(stage.worker))
        return closed

    assert play(app, script) == {"close": 1011}
    assert app.heard[-1] == {"type": "websocket.disconnect", "code": 1011, "reason": "a message was lost"}
    assert "a message of the client was lost on its way to the WebSocket at /" in caplog.text


def test_a_worker_that_stops() -> None:
    """Clients are told to come back, and applications that it is over, whether they listen or not."""
    listening = Recorded()
    connecting: list[Any] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket" and scope["path"] == "/slow/":
            connecting.append(await receive())
            connecting.append(await receive())
        else:
            await listening(scope, receive, send)

    async def script(stage: Stage) -> Any:
        slow, _ = await stage.invited(path="/slow/")
        reply, _ = await stage.opened()
        await eventually(lambda: len(connecting) == 1 and len(listening.heard) == 1)
        stage.worker.stop()
        await stage.ended()
        return await stage.read(slow), await stage.read(reply)

    assert play(application, script) == ({"close": 1012, "status": 503}, {"close": 1012})
    assert (connecting[1]["code"], listening.heard[-1]["code"]) == (1012, 1012)


def test_an_application_that_does_not_listen_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """Its client has been told long before."""
    app = Recorded(never)

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.opened()
        stage.worker.stop()
        await stage.ended()
        return await stage.read(reply)

    assert play(app, script, graceful_timeout_s=0.01) == {"close": 1012}
    assert isinstance(app.error, asyncio.CancelledError)


def test_a_slow_client_holds_back_the_application() -> None:
    """Sending waits for room, in order."""

    async def flood(receive: Any, send: Any) -> None:
        for number in range(12):
            await send({"type": "websocket.send", "text": str(number)})

    app = Recorded(flood)

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.invited()
        await eventually(lambda: stage.unread(reply) == 4)
        texts = [await stage.read(reply) for _ in range(13)]
        return [message.get("text") for message in texts]

    assert play(app, script, {"capacity": 4}) == [None, *[str(number) for number in range(12)]]


def test_a_message_that_is_too_large(caplog: pytest.LogCaptureFixture) -> None:
    """It is the application's mistake, and named."""

    async def shout(receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "x" * 2_000_000})

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.opened()
        return await stage.read(reply)

    assert play(Recorded(shout), script) == {"close": 1011}
    assert "MessageTooLarge" in caplog.text


def test_a_close_that_is_given_up() -> None:
    """An application may stop waiting for a slow client; its WebSocket is closed in the end all the same."""
    gave_up: list[bool] = []

    async def close_in_a_hurry(receive: Any, send: Any) -> None:
        for number in range(3):
            await send({"type": "websocket.send", "text": str(number)})
        try:
            async with asyncio.timeout(0.01):
                await send({"type": "websocket.close", "code": 4000})
        except TimeoutError:
            gave_up.append(True)
            raise

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.invited()
        await eventually(lambda: gave_up)
        return [await stage.read(reply) for _ in range(5)][-1]

    assert play(Recorded(close_in_a_hurry), script, {"capacity": 4}) == {"close": 1011}


def test_an_accept_that_is_too_large(caplog: pytest.LogCaptureFixture) -> None:
    """The handshake, which is still waiting, is answered with 500."""

    async def accept(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "websocket"
        await send({**ACCEPT, "headers": [(b"x-a", bytes(2_000_000))]})

    async def script(stage: Stage) -> Any:
        reply, _ = await stage.invited()
        return await stage.read(reply)

    assert play(accept, script) == {"close": 1011, "status": 500}
    assert "MessageTooLarge" in caplog.text
