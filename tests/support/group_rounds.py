"""What a process does with groups when ``node_agent.py`` is told to: rounds of reading one's writes, and publishing."""

from __future__ import annotations

import threading
import time
from typing import Any

from zmqlayer import LayerClosed, SyncChannelLayer

__all__ = ["answer_asks", "play_rounds", "publish"]

ARRIVES_WITHIN_S = 5.0
LOOK_EVERY_S = 0.2


def answer_asks(layer: SyncChannelLayer) -> str:
    """Send to any group that somebody names on the channel returned, as soon as it is named."""
    channel = layer.new_channel("ask!")

    def answer() -> None:
        try:
            while True:
                _, ask = layer.receive([channel], block=True, timeout=LOOK_EVERY_S)
                if ask is not None:
                    layer.send_group(ask["group"], {"n": ask["n"]})
        except LayerClosed:
            return

    threading.Thread(target=answer, daemon=True).start()
    return channel


def play_rounds(layer: SyncChannelLayer, rounds: int, others: list[str]) -> dict[str, Any]:
    """
    Add a new channel to a new group, and let another process send there: once for each round.

    Args:
        others: The channels on which other processes answer; they take turns.

    Returns:
        ``missed``: the rounds in which the message did not arrive, or another did. ``took_s``: how long each
        ``group_add`` took.
    """
    missed: list[int] = []
    took_s: list[float] = []
    for number in range(rounds):
        group, channel = f"round-{number}-{layer.node_id.hex()}", layer.new_channel("member!")
        before = time.perf_counter()
        layer.group_add(group, channel)
        took_s.append(time.perf_counter() - before)
        layer.send(others[number % len(others)], {"group": group, "n": number})
        _, message = layer.receive([channel], block=True, timeout=ARRIVES_WITHIN_S)
        if message != {"n": number}:
            missed.append(number)
        layer.close_channel(channel)
    return {"missed": missed, "took_s": took_s}


def publish(layer: SyncChannelLayer, group: str, count: int, per_s: float, size: int) -> float:
    """Send so many numbered messages to a group, at a steady pace. Returns the longest that one call took."""
    began, longest, filling = time.perf_counter(), 0.0, bytes(size)
    for number in range(count):
        ahead_s = began + number / per_s - time.perf_counter()
        if ahead_s > 0:
            time.sleep(ahead_s)
        before = time.perf_counter()
        layer.send_group(group, {"s": "publisher", "n": number, "x": filling})
        longest = max(longest, time.perf_counter() - before)
    return longest
