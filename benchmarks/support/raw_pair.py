"""The yardstick: bare PUSH and PULL with msgpack, one of each in either process, and nothing else."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Self

import msgpack
import zmq

from support.pair import Message

__all__ = ["RawPair", "open_pull", "open_push"]

ANSWER_WITHIN_MS = 60_000


class RawPair:
    """Two processes that talk by PUSH and PULL, blocking."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._context, self._pull, port = open_pull()
        self._process = context.Process(target=_serve, args=(theirs, port), daemon=True)
        self._process.start()
        self._push = open_push(self._context, ours.recv())
        ours.close()
        theirs.close()
        return self

    def __exit__(self, *exc: object) -> None:
        self._send({"task": "stop"})
        self._process.join()
        self._context.destroy(linger=0)

    def one_way(self, message: Message, number: int) -> float:
        """See :class:`support.pair.Pair`."""
        send, pack = self._push.send, msgpack.packb
        self._send({"task": "read", "number": number})
        begun = time.perf_counter()
        for _ in range(number):
            send(pack(message))
        self._pull.recv()
        return time.perf_counter() - begun

    def round_trips(self, message: Message, number: int) -> list[float]:
        """See :class:`support.pair.Pair`."""
        send, receive, pack, unpack = self._push.send, self._pull.recv, msgpack.packb, msgpack.unpackb
        self._send({"task": "echo", "number": number})
        took = []
        for _ in range(number):
            begun = time.perf_counter()
            send(pack(message))
            unpack(receive())
            took.append(time.perf_counter() - begun)
        return took

    def _send(self, message: Message) -> None:
        self._push.send(msgpack.packb(message))


def open_pull() -> tuple[zmq.Context[zmq.Socket[bytes]], zmq.Socket[bytes], int]:
    """Return a socket that others push to, with a context of its own and the port that it is bound to."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    pull = context.socket(zmq.PULL)
    pull.set_hwm(0)
    pull.set(zmq.RCVTIMEO, ANSWER_WITHIN_MS)
    return context, pull, pull.bind_to_random_port("tcp://127.0.0.1")


def open_push(context: zmq.Context[zmq.Socket[bytes]], port: int) -> zmq.Socket[bytes]:
    """Return a socket that pushes to *port*."""
    push = context.socket(zmq.PUSH)
    push.set_hwm(0)
    push.connect(f"tcp://127.0.0.1:{port}")
    return push


def _serve(parent: Connection, port: int) -> None:
    context, pull, our_port = open_pull()
    parent.send(our_port)
    push = open_push(context, port)
    while (task := msgpack.unpackb(pull.recv()))["task"] != "stop":
        if task["task"] == "read":
            for _ in range(task["number"]):
                msgpack.unpackb(pull.recv())
            push.send(b"")
        else:
            for _ in range(task["number"]):
                push.send(msgpack.packb(msgpack.unpackb(pull.recv())))
    context.destroy(linger=0)
