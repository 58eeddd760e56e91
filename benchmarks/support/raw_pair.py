"""The yardstick: bare PUSH and PULL with msgpack, one of each in either process, and nothing else."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Self

import msgpack
import zmq

from support.pair import Message

__all__ = ["RawPair"]

ANSWER_WITHIN_MS = 60_000


class RawPair:
    """Two processes that talk by PUSH and PULL, blocking."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._context, self._push, self._pull, port = _open()
        self._process = context.Process(target=_serve, args=(theirs, port), daemon=True)
        self._process.start()
        self._push.connect(f"tcp://127.0.0.1:{ours.recv()}")
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


def _open() -> tuple[zmq.Context[zmq.Socket[bytes]], zmq.Socket[bytes], zmq.Socket[bytes], int]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.set_hwm(0)
    pull.set_hwm(0)
    pull.set(zmq.RCVTIMEO, ANSWER_WITHIN_MS)
    return context, push, pull, pull.bind_to_random_port("tcp://127.0.0.1")


def _serve(parent: Connection, port: int) -> None:
    context, push, pull, our_port = _open()
    parent.send(our_port)
    push.connect(f"tcp://127.0.0.1:{port}")
    while (task := msgpack.unpackb(pull.recv()))["task"] != "stop":
        if task["task"] == "read":
            for _ in range(task["number"]):
                msgpack.unpackb(pull.recv())
            push.send(b"")
        else:
            for _ in range(task["number"]):
                push.send(msgpack.packb(msgpack.unpackb(pull.recv())))
    context.destroy(linger=0)
