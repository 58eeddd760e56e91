"""Which sites a server answers for, by the Host header (Django's ``ALLOWED_HOSTS``). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["is_allowed_host"]

HOST: Final = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?\Z")


def is_allowed_host(host: bytes, allowed: Iterable[str]) -> bool:
    """
    Whether *host* is among the *allowed* ones.

    Args:
        host: As the client sent it; port, case, and a dot at the end count for nothing.
        allowed: Names and addresses, IPv6 in brackets. A leading dot stands for a name and its subdomains, ``*`` for
            any.
    """
    match = HOST.match(host.decode("latin-1").lower())
    if match is None:
        return False
    name = match[1].removesuffix(".")
    return any(_matches(name, pattern.lower()) for pattern in allowed)


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("."):
        return name == pattern[1:] or name.endswith(pattern)
    return pattern in ("*", name)
