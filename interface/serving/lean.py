"""
Keeps OpenSSL out of a server that listens without TLS: 10 MB less in each process behind a proxy.

Twisted's transports and Autobahn import it wherever it is installed, and do without where it is not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Final

__all__ = ["import_transports", "import_without"]

TRANSPORTS: Final = ("twisted.internet.reactor", "twisted.internet.endpoints", "autobahn.util")


def import_transports(*, with_tls: bool) -> None:
    """
    Import the reactor, which thereby is installed, and what opens ports.

    Args:
        with_tls: Whether anything listens with TLS, now or through an endpoint of Twisted's.
    """
    import_without(() if with_tls else ("OpenSSL",), TRANSPORTS)


def import_without(omitted: Iterable[str], wanted: Iterable[str]) -> None:
    """Import the modules *wanted*, which find those *omitted* missing unless they were imported before."""
    hidden = [name for name in omitted if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden, None))  # type: ignore[arg-type]  # what ``import`` takes for missing
    try:
        for name in wanted:
            import_module(name)
    finally:
        for name in hidden:
            del sys.modules[name]
