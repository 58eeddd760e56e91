"""
Variables of the environment that nobody reads, because they are misspelt: each is named in the log once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from functools import cache

from zmqlayer.unknown import misspelt_variables

__all__ = ["warn_of_misspelt"]

logger = logging.getLogger("zmqlayer")


def warn_of_misspelt(environ: Iterable[str], known: Collection[str]) -> None:
    """Say, once in this process, of each of :func:`misspelt_variables` that it has no effect."""
    for name, meant in misspelt_variables(environ, known):
        tell(name, meant)


@cache
def tell(name: str, meant: str) -> None:
    """Name a variable in the log; the second time it is named already."""
    logger.warning("%s is in the environment, and nobody reads it; did you mean %s?", name, meant)
