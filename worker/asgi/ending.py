"""The end of a process whose application may have left threads."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Final, NoReturn

__all__ = ["end_process"]

logger = logging.getLogger(__name__)

WITHIN_S: Final = 1.0
"""How long threads may take to end."""


def end_process(status: int) -> NoReturn:
    """
    End the process with *status*, as Python does: pools of idle threads end, and what is registered for then is called.

    A thread that does not end within a second is left behind; the process ends at once then.
    """
    left = [each for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if left:
        threading.Thread(target=_end_without, args=(left, status), name="end", daemon=True).start()
    sys.exit(status)


def _end_without(threads: Sequence[threading.Thread], status: int) -> None:
    """Wait for *threads* beside Python, which would wait as long as it takes."""
    deadline = time.monotonic() + WITHIN_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        logger.warning("threads of the application still run; they are left behind")
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)
