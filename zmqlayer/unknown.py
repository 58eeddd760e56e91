"""
A setting, or a variable for one, that does not exist: what its writer probably meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Final

__all__ = ["explain", "misspelt_variables"]

PREFIX: Final = "ZMQLAYER_"
ALIKE: Final = 0.9

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


def misspelt_variables(environ: Iterable[str], known: Collection[str]) -> list[tuple[str, str]]:
    """
    Return variables of our prefix that are none of *known*, each with the one that was probably meant.

    Only those are told that are like one: other parts of the project have variables of their own, and a container
    platform may put more of that prefix into the environment.
    """
    strange = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    nearest = {name: difflib.get_close_matches(name, known, n=1, cutoff=ALIKE) for name in strange}
    return [(name, meant[0]) for name, meant in nearest.items() if meant]
