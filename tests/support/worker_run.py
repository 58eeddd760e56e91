"""What the worker's tests share: a clock that only moves when someone waits, and requests in a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.memory_layer import MemoryLayer
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Router
from zmqlayer.worker.worker import Worker

Content = dict[str, Any]


@dataclass
class Waiting:
    """Time that passes only by waiting; what happens meanwhile is up to the test."""

    now: float = 0.0
    is_stopping: bool = False
    meanwhile: Callable[[], object] = lambda: None
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def pause(self, seconds: float) -> bool:
        """Let *seconds* pass."""
        self.waits.append(seconds)
        self.now += seconds
        self.meanwhile()
        return self.is_stopping

    async def apause(self, seconds: float) -> bool:
        """Let *seconds* pass, for a coroutine."""
        return self.pause(seconds)

    def patience(self) -> Patience:
        """Return a patience that waits in this time."""
        return Patience(self.clock, self.pause, self.apause)


def worker_for(layer: MemoryLayer, routing: Any, waiting: Waiting | None = None, **options: Any) -> Worker:
    """Return a worker with *routing* and the default routes."""
    router = Router(routing)
    router.check_default()
    return Worker(layer, router, patience=(waiting or Waiting()).patience(), **options)


def http_message(layer: MemoryLayer, path: str, method: str = "GET", **values: Any) -> Content:
    """Return a request as an interface server sends it."""
    headers = values.pop("headers", [])
    return {
        "reply_channel": layer.reply_channel(),
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [[b"host", b"testserver"], *headers],
        "body": b"",
        "client": ["192.0.2.7", 4711],
        "server": ["testserver", 80],
        **values,
    }


def ask(layer: MemoryLayer, worker: Worker, path: str, method: str = "GET", **values: Any) -> list[Content]:
    """Give *worker* a request and return the parts of its response."""
    worker.consume("http.request", http_message(layer, path, method, **values))
    return layer.sent(layer.reply_channel())


def content_of(parts: list[Content]) -> bytes:
    """Return the whole body of a response; an invitation among its messages has none."""
    return b"".join(part["content"] for part in parts if "events_channel" not in part or "content" in part)


def headers_of(parts: list[Content], name: bytes) -> list[bytes]:
    """Return the values of one header of a response."""
    return [value for key, value in parts[0]["headers"] if key == name]
