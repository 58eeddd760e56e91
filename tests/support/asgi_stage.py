"""An ASGI worker on a node without sockets, and the test in the role of the interface server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Self, TypeVar

from support.doubles import fake_node
from zmqlayer.messages import Message
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer
from zmqlayer.worker.asgi.options import AsgiOptions
from zmqlayer.worker.asgi.worker import AsgiWorker

__all__ = ["WITHIN_S", "Stage", "eventually", "play"]

WITHIN_S = 5.0

Application = Callable[..., Awaitable[None]]
T = TypeVar("T")


class Stage:
    """
    One application, its worker and its clients.

    Attributes:
        said: The status lines.
        status: The worker's exit status, once it has ended.
    """

    def __init__(
        self, application: Application, settings: dict[str, Any], layer: SyncLayer | None = None, **options: Any
    ) -> None:
        self.layer = layer or SyncLayer(NodeSlot(partial(fake_node, **settings)))
        self.said: list[str] = []
        self.status: int | None = None
        self.worker = AsgiWorker(application, self.layer, AsgiOptions(**options), self.said.append)
        self._orders: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.worker.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.worker.stop()
        self.worker.stop()
        await self.ended()
        if not self.layer.node.is_closed:
            self.layer.node.ask(lambda mesh, now: mesh.flush(now))
            await asyncio.to_thread(self.layer.close)

    @property
    def is_running(self) -> bool:
        """Whether the worker has not ended."""
        return not self._task.done()

    async def ended(self) -> int:
        """Wait for the end of the worker and return its exit status."""
        self.status = await asyncio.wait_for(asyncio.shield(self._task), WITHIN_S)
        return self.status

    def request(self, path: str = "/", method: str = "GET", **values: Any) -> str:
        """Send a request as a server does, and return its reply channel."""
        reply = self.layer.new_channel("http.response!")
        message = {
            "reply_channel": reply,
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "headers": [[b"host", b"testserver"]],
            "body": b"",
            **values,
        }
        self.layer.send("http.request", message)
        return reply

    def connect(self, path: str = "/", **values: Any) -> str:
        """Ask for a WebSocket as a server does, and return its reply channel."""
        reply = self.layer.new_channel("websocket.send!")
        message = {"reply_channel": reply, "path": path, "headers": [[b"host", b"testserver"]], "order": 0, **values}
        self.layer.send("websocket.connect", message)
        return reply

    async def invited(self, **values: Any) -> tuple[str, str]:
        """Ask for a WebSocket; return its reply channel and the channel for its events."""
        reply = self.connect(**values)
        return reply, (await self.read(reply))["events_channel"]

    async def opened(self, **values: Any) -> tuple[str, str]:
        """The same, once the application has accepted."""
        reply, events = await self.invited(**values)
        assert (await self.read(reply))["accept"] is True
        return reply, events

    def tell(self, events: str, kind: str, **values: Any) -> None:
        """Tell the worker what a client does, each time with the next number."""
        self._orders[events] = self._orders.get(events, 0) + 1
        self.layer.send(events, {"type": kind, "order": self._orders[events], **values})

    def say(self, events: str, text: str) -> None:
        """Tell the worker that a client says *text*."""
        self.tell(events, "websocket.receive", text=text, bytes=None)

    async def read(self, channel: str) -> Message:
        """Return the next message on *channel*."""
        _, message = await asyncio.wait_for(self.layer.receive_async([channel]), WITHIN_S)
        assert message is not None
        return message

    async def read_content(self, reply: str) -> tuple[Message, bytes]:
        """Return the first message of a response, and all its content."""
        first = part = await self.read(reply)
        content: bytes = part["content"]
        while part["more_content"]:
            part = await self.read(reply)
            content += part["content"]
        return first, content

    def unread(self, channel: str) -> int:
        """Return how many messages wait in a process channel."""
        return self.layer.node.ask(lambda mesh, now: sum(letter.channel == channel for letter in mesh.letters()))


def play(
    application: Application,
    script: Callable[[Stage], Awaitable[T]],
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> T:
    """Run *script* with a stage for *application*, and return what it returns."""

    async def main() -> T:
        async with Stage(application, settings or {}, **options) as stage:
            return await script(stage)

    return asyncio.run(main())


async def eventually(condition: Callable[[], object]) -> None:
    """Let the loop turn until *condition* holds; fails after five seconds."""
    deadline = asyncio.get_running_loop().time() + WITHIN_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0)
