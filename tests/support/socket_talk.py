"""One WebSocket in memory: what its server tells a worker, and what the worker has the client hear."""

from __future__ import annotations

import json
from typing import Any

from support.memory_layer import MemoryLayer
from zmqlayer.worker.worker import Worker

Content = dict[str, Any]


class SocketTalk:
    """
    A client's side of a conversation with a worker.

    Args:
        path: The path of the WebSocket's URL.
        name: Tells clients of one layer apart.
        values: More keys for all messages.
    """

    def __init__(
        self, layer: MemoryLayer, worker: Worker, path: str = "/", name: str = "browser", **values: Any
    ) -> None:
        self.layer = layer
        self.worker = worker
        self.reply_channel = layer.reply_channel(name)
        self._common = {"reply_channel": self.reply_channel, "path": path, **values}
        self._order = 0

    def connects(self, **values: Any) -> list[Content]:
        """Open the WebSocket, and return what the worker sent then."""
        return self._tell("connect", values)

    def says(self, text: str | None = None, octets: bytes | None = None) -> list[Content]:
        """Send one frame, and return what the worker sent then."""
        return self._tell("receive", {"text": text, "bytes": octets})

    def says_json(self, value: Any) -> list[Content]:
        """Send one value as JSON, and return what the worker sent then."""
        return self.says(json.dumps(value))

    def says_on(self, stream: str, payload: Any) -> list[Any]:
        """Send a payload on a stream, and return the payloads that came back on it."""
        sent = [json.loads(message["text"]) for message in self.says_json({"stream": stream, "payload": payload})]
        assert all(answer["stream"] == stream for answer in sent)
        return [answer["payload"] for answer in sent]

    def leaves(self, code: int = 1000) -> list[Content]:
        """Close the WebSocket, and return what the worker sent then."""
        return self._tell("disconnect", {"code": code})

    def hears(self) -> list[Content]:
        """Return what came meanwhile, and forget it."""
        # That a consumer has ended concerns servers only.
        said = [
            {key: value for key, value in message.items() if key != "consumed"}
            for message in self.layer.sent(self.reply_channel)
        ]
        return [message for message in said if message]

    def hears_json(self) -> list[Any]:
        """Return the values that came as JSON meanwhile."""
        return [json.loads(message["text"]) for message in self.hears()]

    def _tell(self, event: str, values: Content) -> list[Content]:
        self.worker.consume(f"websocket.{event}", {**self._common, "order": self._order, **values})
        self._order += 1
        return self.hears()
