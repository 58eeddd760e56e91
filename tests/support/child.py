"""
A worker process without work, for tests of its parent: says who it is, and ends as it is told.

``python child.py PROCESSES FOLDER CONDUCT``: a file in FOLDER with the name of a conduct replaces CONDUCT for those
that start later.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from zmqlayer.worker.processes import Lifeline, become_parent

GRACE_S = 1.0


def main(n_processes: int, folder: Path, conduct: str) -> None:
    """Be a parent, or one of its children."""
    lifeline = Lifeline.take()
    if lifeline is None:
        become_parent(n_processes, GRACE_S)
    conduct = next((path.name for path in folder.iterdir()), conduct)
    if conduct == "fails":
        say("this cannot be imported")
        sys.exit(7)
    told = threading.Event()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if conduct == "deaf" else lambda *_: told.set())
    lifeline.hold(GRACE_S)
    say(f"child {lifeline.place} of {lifeline.n_places}: {os.getpid()} below {os.getppid()}")
    lifeline.tell_ready()
    told.wait()
    say(f"child {os.getpid()} ends")


def say(line: str) -> None:
    """Write a line at once, and as one: several processes write to the same pipe."""
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
