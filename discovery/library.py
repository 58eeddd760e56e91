"""
The import of zeroconf, which takes 50 to 100 ms and so happens on a background thread, kept whole across a fork.

A child that is forked in the middle of an import would inherit half a module, and the lock on it for ever. So a
fork waits until the import is over.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Final

__all__ = ["import_zeroconf"]

_importing: Final = threading.Lock()
_fork: Final = threading.local()


def import_zeroconf() -> None:
    """Import zeroconf, and what of this package needs it; nothing happens if that was done before."""
    _watch_forks()
    with _importing:
        import zmqlayer.discovery.multicast  # see the module's docstring
        import zmqlayer.discovery.session  # noqa: F401  # likewise


@cache
def _watch_forks() -> None:
    os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_let_go)


def _hold() -> None:
    _importing.acquire()
    _fork.holds_import = True


def _let_go() -> None:
    if getattr(_fork, "holds_import", False):  # not if the fork was under way already when the hooks were registered
        _fork.holds_import = False
        _importing.release()
