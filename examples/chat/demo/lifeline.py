"""
Runs inside each child: ``python -m demo.lifeline MODULE ARGUMENTS…`` runs MODULE as ``python -m`` would.

Standard input is a pipe whose other end only the launcher holds. When it closes, because the launcher
let go or because it was killed, the child ends itself as by SIGTERM, and by force if that takes too long.
That needs nothing of the system but pipes, and no process stays behind.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

__all__ = ["main"]

GRACE_S: Final = 2.5
"""Seconds between SIGTERM and SIGKILL. The launcher itself waits a little less."""


def main() -> None:
    """Watch standard input in the background and run the module that the arguments name."""
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    threading.Thread(target=_end_with_launcher, name="lifeline", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_launcher() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
