"""A worker process without Django: one thread, one loop, the 2016 contract. Arguments: cluster and prefetch."""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from zmqlayer import SyncChannelLayer
from zmqlayer.exceptions import ChannelFull

Message = dict[str, Any]

CHUNK = b"x" * 65_536
FULL_PAUSE_S = 0.002
PLAIN = [b"content-type", b"text/plain"]


class BareWorker:
    """Says hello; takes what is uploaded, after so many seconds as the query says; sends; echoes."""

    def __init__(self, layer: SyncChannelLayer) -> None:
        self._layer = layer
        self._consumers: dict[str, Callable[[Message], None]] = {
            "http.request": self._request,
            "websocket.connect": self._connect,
            "websocket.receive": self._echo,
            "websocket.disconnect": lambda _: None,
        }

    def run(self) -> None:
        """Work until the process ends."""
        channels = list(self._consumers)
        while True:
            channel, message = self._layer.receive(channels, block=True)
            if channel is not None:
                self._consumers[channel](message)

    def _request(self, message: Message) -> None:
        if message["path"] == "/upload":
            time.sleep(float(message["query_string"] or 0))
            self._respond(message, b"%d" % self._upload(message))
        elif message["path"] == "/download":
            self._download(message, int(message["query_string"]))
        elif message["path"] == "/ready":
            gc.collect()
            gc.freeze()
            self._respond(message, b"")
        else:
            self._respond(message, b"Hello, world!")

    def _respond(self, message: Message, content: bytes) -> None:
        headers = [PLAIN, [b"content-length", b"%d" % len(content)]]
        self._send(message, {"status": 200, "headers": headers, "content": content})

    def _upload(self, message: Message) -> int:
        size = len(message["body"])
        body_channel = message.get("body_channel")
        while body_channel is not None:
            _, chunk = self._layer.receive([body_channel], block=True)
            if chunk is not None:
                size += len(chunk.get("content", b""))
                body_channel = body_channel if chunk.get("more_content") else None
        return size

    def _download(self, message: Message, size: int) -> None:
        headers = [PLAIN, [b"content-length", b"%d" % size]]
        self._send(message, {"status": 200, "headers": headers, "content": b"", "more_content": True})
        for begin in range(0, size, len(CHUNK)):
            self._send(message, {"content": CHUNK[: size - begin], "more_content": begin + len(CHUNK) < size})

    def _connect(self, message: Message) -> None:
        self._send(message, {"accept": True})

    def _echo(self, message: Message) -> None:
        self._send(message, {"text": message.get("text"), "bytes": message.get("bytes")})

    def _send(self, message: Message, reply: Message) -> None:
        while True:
            try:
                self._layer.send(message["reply_channel"], reply)
                return
            except ChannelFull:
                time.sleep(FULL_PAUSE_S)


def main() -> None:
    """Work until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    layer = SyncChannelLayer(cluster=sys.argv[1], prefetch=int(sys.argv[2]))
    try:
        BareWorker(layer).run()
    finally:
        layer.close()


if __name__ == "__main__":
    main()
