"""
A worker without Django: bare consumers of the 2016 draft, which do what a path says. Run as a program.

``/hello/`` answers at once, ``/upload/`` with the digest of the body, ``/bytes/N/`` with N bytes in pieces,
``/seen/`` with what it was told of the client, ``/late/S/`` after S seconds, ``/pause/S/`` with two pieces S seconds
apart, ``/never/`` not at all, ``/invited/`` has its events sent here and answers nothing, ``/begun/`` the same after
its first piece. A WebSocket hears what it said; one at ``/invited/`` has its events sent here; ``/silent/`` answers
nothing; ``/flood/N/`` gets N messages.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from zmqlayer import SyncChannelLayer
from zmqlayer.exceptions import ChannelFull

__all__ = ["PATTERN", "main", "pattern"]

READS = ["http.request", "websocket.connect", "websocket.receive"]
PIECE = 65_536
PATTERN = bytes(range(251)) * 522
"""So long that a piece can begin anywhere in its first 251 bytes."""
RETRY_S = 0.005
GIVE_UP_S = 20.0
FLOOD_PIECE = 16_384

Message = dict[str, Any]
Consumer = Callable[["BareWorker", Message, str], Awaitable[None]]


def pattern(begin: int, size: int) -> bytes:
    """Return bytes *begin* to *begin* + *size*, at most ``PIECE``, of an endless sequence without a period of 2**n."""
    first = begin % 251
    return PATTERN[first : first + size]


class BareWorker:
    """
    Reads with so many consumers at once, until it is told to stop.

    Attributes:
        events: Name of the process channel that invitations name.
    """

    def __init__(self, layer: SyncChannelLayer, n_readers: int) -> None:
        self.layer = layer
        self.events = layer.new_channel("events!")
        self._n_readers = n_readers
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Consume until SIGTERM; what was begun is finished."""
        readers = [asyncio.create_task(self._read()) for _ in range(self._n_readers)]
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: [each.cancel() for each in readers])
        await asyncio.gather(*readers, return_exceptions=True)
        await asyncio.gather(*self._busy)

    async def send(self, message: Message, content: Message) -> None:
        """Answer; a full channel is tried again, for a while."""
        for _ in range(int(GIVE_UP_S / RETRY_S)):
            try:
                return self.layer.send(message["reply_channel"], content)
            except ChannelFull:
                await asyncio.sleep(RETRY_S)
        return None

    async def answer(self, message: Message, content: bytes, more: bool = False, **keys: Any) -> None:
        """Begin a response, or give all of it."""
        headers = [[b"x-worker", b"%d" % os.getpid()], [b"content-type", b"text/plain"]]
        await self.send(message, {"status": 200, "headers": headers, "content": content, "more_content": more, **keys})

    async def _read(self) -> None:
        while True:
            channel, message = await self.layer.receive_async([*READS, self.events])
            if channel is None or message is None:
                continue
            task = asyncio.create_task(self._consume(str(message.get("type", channel)), message))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
            await asyncio.shield(task)

    async def _consume(self, kind: str, message: Message) -> None:
        first, _, rest = message.get("path", "").strip("/").partition("/")
        consumer = CONSUMERS.get((kind, first)) or CONSUMERS.get((kind, ""))
        if consumer is not None:
            await consumer(self, message, rest)


async def hello(worker: BareWorker, message: Message, rest: str) -> None:
    await worker.answer(message, b"hello")


async def seen(worker: BareWorker, message: Message, rest: str) -> None:
    told = {key: message.get(key) for key in ("client", "server", "scheme", "http_version", "root_path", "path")}
    told["host"] = next((value.decode() for name, value in message["headers"] if name == b"host"), None)
    await worker.answer(message, json.dumps(told).encode())


async def never(worker: BareWorker, message: Message, rest: str) -> None:
    pass


async def late(worker: BareWorker, message: Message, rest: str) -> None:
    await asyncio.sleep(float(rest))
    await worker.answer(message, b"late")


async def pause(worker: BareWorker, message: Message, rest: str) -> None:
    await worker.answer(message, b"first", more=True)
    await asyncio.sleep(float(rest))
    await worker.send(message, {"content": b"last"})


async def send_bytes(worker: BareWorker, message: Message, rest: str) -> None:
    total = int(rest)
    await worker.answer(message, b"", more=True)
    for begin in range(0, total, PIECE):
        piece = pattern(begin, min(PIECE, total - begin))
        await worker.send(message, {"content": piece, "more_content": True})
    await worker.send(message, {"content": b""})


async def digest(worker: BareWorker, message: Message, rest: str) -> None:
    """Say the digest and the length of the body; *rest* is how long each piece takes, in milliseconds."""
    seen = hashlib.sha256(message.get("body", b""))
    size = len(message.get("body", b""))
    more = "body_channel" in message
    while more:
        _, piece = await worker.layer.receive_async([message["body_channel"]])
        assert piece is not None
        if piece.get("closed"):
            return
        seen.update(piece["content"])
        size += len(piece["content"])
        more = piece.get("more_content", False)
        await asyncio.sleep(float(rest or 0) / 1000)
    await worker.answer(message, f"{seen.hexdigest()} {size}".encode())


async def invite(worker: BareWorker, message: Message, rest: str) -> None:
    await worker.send(message, {"events_channel": worker.events})


async def begin_and_invite(worker: BareWorker, message: Message, rest: str) -> None:
    await worker.answer(message, b"first", more=True, events_channel=worker.events)


async def accept(worker: BareWorker, message: Message, rest: str) -> None:
    await worker.send(message, {"accept": True})


async def accept_and_invite(worker: BareWorker, message: Message, rest: str) -> None:
    await worker.send(message, {"accept": True, "events_channel": worker.events})


async def echo(worker: BareWorker, message: Message, rest: str) -> None:
    await worker.send(message, {"text": message["text"], "bytes": message["bytes"]})


async def flood(worker: BareWorker, message: Message, rest: str) -> None:
    for number in range(int(rest)):
        await worker.send(message, {"bytes": pattern(number, FLOOD_PIECE)})


CONSUMERS: dict[tuple[str, str], Consumer] = {
    ("http.request", "hello"): hello,
    ("http.request", "seen"): seen,
    ("http.request", "never"): never,
    ("http.request", "late"): late,
    ("http.request", "pause"): pause,
    ("http.request", "bytes"): send_bytes,
    ("http.request", "upload"): digest,
    ("http.request", "invited"): invite,
    ("http.request", "begun"): begin_and_invite,
    ("websocket.connect", ""): accept,
    ("websocket.connect", "invited"): accept_and_invite,
    ("websocket.receive", ""): echo,
    ("websocket.receive", "silent"): never,
    ("websocket.receive", "flood"): flood,
}


def main(cluster: str, n_readers: str) -> None:
    """Work in *cluster* until told to stop."""
    layer = SyncChannelLayer(cluster=cluster, discovery="localhost")
    layer.role = "worker"
    layer.start()
    worker = BareWorker(layer, int(n_readers))
    sys.stdout.write("worker reads\n")
    sys.stdout.flush()
    asyncio.run(worker.run())
    layer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
