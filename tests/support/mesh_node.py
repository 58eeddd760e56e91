"""
A program that joins a mesh and says on its output what it sees; ``mesh_member.py`` starts it.

Its one argument is the settings of a layer as JSON. SIGUSR1 wedges it: for ten seconds no thread of Python runs,
though those of ZeroMQ do.
"""

from __future__ import annotations

import ctypes
import json
import logging
import signal
import sys
import threading
import time

from zmqlayer import SyncChannelLayer
from zmqlayer.events import PeerChanged
from zmqlayer.names import encode_node_id

WEDGED_S = 10


def say(text: str) -> None:
    """Write one line at once, whole, whichever thread says it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def wedge(*signal_and_frame: object) -> None:
    """Hold the interpreter's lock, as a C extension that hangs does."""
    ctypes.PyDLL(None).sleep(WEDGED_S)


def main() -> None:
    """Join, and stay until a signal comes."""
    started_at = time.monotonic()
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    layer = SyncChannelLayer(**json.loads(sys.argv[1]))

    def tell(change: PeerChanged) -> None:
        say(f"{time.monotonic() - started_at:.3f} s: {encode_node_id(change.peer.node_id)} {change.state.value}")

    layer.node.on_peer(tell)
    say(f"node {encode_node_id(layer.node_id)} at {layer.node.address}")
    signal.signal(signal.SIGUSR1, wedge)
    say("ready for signals")
    threading.Event().wait()


if __name__ == "__main__":
    main()
