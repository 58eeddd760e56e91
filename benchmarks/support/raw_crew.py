"""The yardstick for a channel that several share: bare PUSH and PULL with msgpack, one message at a time for each."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Self

import msgpack
import zmq

from support.dealer import Deal
from support.pair import Message
from support.raw_pair import open_pull, open_push

__all__ = ["RawCrew"]


class RawCrew:
    """Workers that each ask for the next message when they have one, as a reader without prefetch does; blocking."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __enter__(self) -> Self:
        self._context, self._pull, port = open_pull()
        self._pushes: list[zmq.Socket[bytes]] = []
        with ExitStack() as started:
            started.callback(self._context.destroy, linger=0)
            for place in range(self._workers):
                self._start(place, port, started)
            self._end = started.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._tell({"task": "stop"})
        self._end.close()

    def deal(self, message: Message, seconds: float) -> Deal:
        """See :meth:`support.dealer.Dealer.deal`."""
        receive, pack, unpack, clock = self._pull.recv, msgpack.packb, msgpack.unpackb, time.perf_counter
        begun, sent = clock(), 0
        for push in self._pushes:
            push.send(pack({**message, "number": sent}))
            sent += 1
        while clock() < begun + seconds:
            self._pushes[unpack(receive())["free"]].send(pack({**message, "number": sent}))
            sent += 1
        for _ in self._pushes:
            receive()
        took = clock() - begun
        self._tell({"task": "report"})
        read = Counter(number for _ in self._pushes for number in unpack(receive())["read"])
        return Deal(sent, len(read), sum(times > 1 for times in read.values()), took)

    def _start(self, place: int, port: int, started: ExitStack) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, place, port), daemon=True)
        process.start()
        started.callback(process.join)
        theirs.close()
        self._pushes.append(open_push(self._context, ours.recv()))
        ours.close()

    def _tell(self, message: Message) -> None:
        for push in self._pushes:
            push.send(msgpack.packb(message))


def _work(parent: Connection, place: int, port: int) -> None:
    context, pull, our_port = open_pull()
    parent.send(our_port)
    push = open_push(context, port)
    read: list[int] = []
    while (message := msgpack.unpackb(pull.recv())).get("task") != "stop":
        if "task" in message:
            push.send(msgpack.packb({"read": read}))
            read.clear()
        else:
            read.append(message["number"])
            push.send(msgpack.packb({"free": place}))
    context.destroy(linger=0)
