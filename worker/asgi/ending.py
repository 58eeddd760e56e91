"""The end of a process whose application may have left threads."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
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
    if threading.active_count() > 1:
        is_alone = threading.Event()
        atexit.register(is_alone.set)  # called before all others, once no thread is waited for
        threading.Thread(target=_end_without, args=(is_alone, status), name="end", daemon=True).start()
    sys.exit(status)


def _end_without(is_alone: threading.Event, status: int) -> None:
    """Watch Python wait for threads, which it does as long as it takes."""
    if not is_alone.wait(WITHIN_S):
        logger.warning("threads of the application still run; they are left behind")
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)
