"""
The end of a process: what is called before it, however it came to life.

The interpreter runs ``atexit``, but before Python 3.13 not in a child of ``multiprocessing``, which has finalizers.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable

__all__ = ["call_at_end"]


def call_at_end(call: Callable[[], None]) -> Callable[[], None]:
    """
    Have *call* made before this process ends in order; perhaps twice.

    Returns:
        To be called if that is not wanted any more.
    """
    atexit.register(call)
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return lambda: atexit.unregister(call)
    from multiprocessing.util import Finalize  # a child of multiprocessing has it

    finalizer = Finalize(None, call, exitpriority=0)

    def withdraw() -> None:
        atexit.unregister(call)
        finalizer.cancel()

    return withdraw
