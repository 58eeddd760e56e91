"""How many files and connections this process may have open; the command raises the limit at start."""

from __future__ import annotations

import logging
import resource
from typing import Final

__all__ = ["raise_limit"]

logger = logging.getLogger("zmqlayer.interface")

FEW: Final = 1_024
"""A limit of so many is the usual one that nobody has thought about."""


def raise_limit() -> int:
    """Raise the soft limit to the hard one, as every process may; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    logger.debug("%d files and connections may be open, %d before", hard, soft)
    if 0 <= hard <= FEW:
        logger.warning("only %d files and connections may be open: raise LimitNOFILE=, or ulimit -Hn", hard)
    return hard
