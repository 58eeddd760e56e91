"""What a worker process tells the garbage collector of Python when it has loaded everything."""

from __future__ import annotations

import gc

__all__ = ["settle_in"]


def settle_in() -> None:
    """Let the collector pass over what is there now, as it stays: without it the slowest responses take longer."""
    gc.collect()
    gc.freeze()
