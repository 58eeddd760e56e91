"""
A setting that does not exist: what its writer probably meant. Used by ``config.py``.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Final

__all__ = ["explain"]

NOT_NEEDED: Final = "of channels_redis is not needed here: leave it out"

CHANNELS_REDIS: Final[Mapping[str, str]] = {
    "hosts": "of channels_redis names a server, and there is none: leave it out ('seeds' are addresses of nodes)",
    "prefix": "of channels_redis is called 'cluster' here",
    "symmetric_encryption_keys": "of channels_redis is called 'secrets' here; SECRET_KEY does if you leave it out",
    "random_prefix_length": NOT_NEEDED,
    "serializer_format": NOT_NEEDED,
    "on_disconnect": NOT_NEEDED,
    "on_reconnect": NOT_NEEDED,
}


def explain(name: str, known: Collection[str]) -> str:
    """Return what to say of a setting *name* that is none of *known*."""
    if name in CHANNELS_REDIS:
        return CHANNELS_REDIS[name]
    meant = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {meant[0]!r}? The" if meant else "; the"
    return f"is unknown{hint} settings are {', '.join(sorted(known))}"
