"""
A program that forks two children; all three take part in the mesh, and tell the hub what they heard.

With "many" and a channel it forks twenty children instead, while threads of it send to that channel.

Usage: forking_program.py HUB CLUSTER WAY USE, or HUB CLUSTER many CHANNEL, where WAY is "os.fork" or
"multiprocessing", and USE is "used before" or "made before".
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from typing import Any

from zmqlayer import ChannelFull, SyncChannelLayer

WITHIN_S = 15.0


def take_part(layer: SyncChannelLayer) -> None:
    """Join a room, say hello, speak to everybody in person and in the room, and report what was heard."""
    own = layer.new_channel("own!")
    layer.group_add("room", own)
    me = {"pid": os.getpid(), "node": layer.node_id, "channel": own}
    layer.send("hellos", me)
    heard = [receive(layer, own)]
    while "channels" not in heard[-1]:  # what the hub says may come after what the others say
        heard.append(receive(layer, own))
    channels = heard.pop()["channels"]
    for channel in channels:
        layer.send(channel, {"from": me["pid"], "room": False})
    layer.ready(len(channels), timeout=WITHIN_S)  # the hub, and all but this one
    layer.send_group("room", {"from": me["pid"], "room": True})
    while len(heard) < 2 * len(channels):
        heard.append(receive(layer, own))
    layer.send(
        "reports",
        {
            "sent to me": [message["from"] for message in heard if not message["room"]],
            "sent to the room": [message["from"] for message in heard if message["room"]],
        },
    )
    receive(layer, own)


def receive(layer: SyncChannelLayer, channel: str) -> dict[str, Any]:
    """Return the next message, or end the process."""
    _, message = layer.receive([channel], block=True, timeout=WITHIN_S)
    if message is None:
        raise SystemExit(f"{os.getpid()} waited in vain")
    return message


def fork(way: str, layer: SyncChannelLayer) -> Any:
    """Begin a child that takes part, and return what to wait for."""
    if way == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=take_part, args=(layer,))
        process.start()
        return process
    pid = os.fork()
    if pid == 0:
        take_part(layer)
        raise SystemExit
    return pid


def fork_many(layer: SyncChannelLayer, channel: str) -> None:
    """Fork while two threads send: children that use the layer and that do not, and end in order or at once."""

    def send(thread: int) -> None:
        for n in range(1000):
            while not _has_sent(layer, channel, {"thread": thread, "n": n}):
                time.sleep(0.001)

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(2)]
    for thread in threads:
        thread.start()
    children = [_fork_one(layer, number) for number in range(20)]
    for thread in threads:
        thread.join()
    for child in children:
        if status := os.waitpid(child, 0)[1]:
            raise SystemExit(f"a child ended with {status}")


def _has_sent(layer: SyncChannelLayer, channel: str, message: dict[str, Any]) -> bool:
    try:
        layer.send(channel, message)
    except ChannelFull:
        return False
    return True


def _fork_one(layer: SyncChannelLayer, number: int) -> int:
    pid = os.fork()
    if pid == 0:
        if number % 2:
            own = layer.new_channel("own!")
            layer.send(own, {"n": number})
            receive(layer, own)
        if number % 4 < 2:
            os._exit(0)
        raise SystemExit
    return pid


def main(hub: str, cluster: str, way: str, use: str) -> None:
    """Fork, take part, and wait for the children."""
    layer = SyncChannelLayer(cluster=cluster, discovery="localhost", seeds=[hub])
    if use == "used before":
        layer.ready()
    if way == "many":
        fork_many(layer, use)
        return
    children = [fork(way, layer) for _ in range(2)]
    take_part(layer)
    for child in children:
        status = child.join() or child.exitcode if way == "multiprocessing" else os.waitpid(child, 0)[1]
        if status:
            raise SystemExit(f"a child ended with {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
