"""
Database connections around a consumer: as Django does around a request, so that none is used that is broken or too old.

Done here and not by receivers of signals: a signal without receivers costs nothing, and a coroutine pays a hop to
Django's thread for each that has some.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from django.db import close_old_connections, reset_queries

__all__ = ["KEPT", "OWN", "Connections", "are_minded_by"]

logger = logging.getLogger(__name__)


class Connections:
    """The connections of whichever thread calls. Never raises."""

    def before(self) -> None:
        """A consumer is about to run: forget the queries of the one before, and close what is broken or too old."""
        reset_queries()
        self.after()

    def after(self) -> None:
        """A consumer has run: close what is broken or too old."""
        try:
            close_old_connections()
        except Exception:
            logger.exception("a database connection could not be closed")


class _Kept(Connections):
    """Connections that somebody else minds."""

    def before(self) -> None:
        """Leave them as they are."""

    def after(self) -> None:
        """Leave them as they are."""


OWN: Final = Connections()
KEPT: Final = _Kept()


def are_minded_by(consumer: Any) -> bool:
    """Whether *consumer* minds connections itself, as Django's views do with the signals around a request."""
    return bool(getattr(consumer, "minds_connections", False))
