"""
A process with some idle nodes, and nothing but zmqlayer. Started by ``swarm``.

Argument: the settings of each node, as JSON. It says when it had imported zmqlayer and when the last node was started,
then answers each number in its input with the time at which all its nodes had that many ready peers, and ends with its
input. Times are seconds of the clock that all processes share.
"""

from __future__ import annotations

import json
import sys
import time

from zmqlayer import SyncChannelLayer

MEET_WITHIN_S = 100.0


def main() -> None:
    """Serve the input, until its end."""
    imported_at = time.monotonic()
    layers = [SyncChannelLayer(**settings) for settings in json.loads(sys.argv[1])]
    try:
        for layer in layers:
            layer.start()
        say(imported_at, time.monotonic())
        for line in sys.stdin:
            for layer in layers:
                layer.ready(peers=int(line), timeout=MEET_WITHIN_S)
            say(time.monotonic())
    finally:
        for layer in layers:
            layer.close()


def say(*times: float) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(times) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
