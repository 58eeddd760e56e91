"""
Who served this: which interface server took a request or frame in, and which worker answered it.

A reply channel's name holds the id of the server that owns it; a worker is the node of its own layer.
Only the first four characters are shown. Outside a worker (tests, ``runserver``) both are unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings
from django.http import HttpRequest

from zmqlayer.names import owner_of, short
from zmqlayer.worker import get_channel_layer

__all__ = ["Served", "context"]


@dataclass(frozen=True, slots=True)
class Served:
    """The two processes behind one answer, as short ids; None where there was none."""

    server: str | None = None
    worker: str | None = None

    @classmethod
    def by(cls, reply_channel: str | None) -> Self:
        """Return who serves what is to be answered on *reply_channel*, asked in the worker that answers."""
        owner = owner_of(reply_channel) if reply_channel else None
        if owner is None:
            return cls()
        return cls(server=short(owner), worker=short(get_channel_layer().node_id))

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return who serves *request*."""
        reply_channel = getattr(request, "reply_channel", None)
        return cls.by(getattr(reply_channel, "name", None))

    def as_dict(self) -> dict[str, str | None]:
        """Return both as JSON can carry them."""
        return {"server": self.server, "worker": self.worker}


def context(request: HttpRequest) -> dict[str, Any]:
    """Give every template ``served``, and ``elsewhere``: this page's address at the other servers."""
    here = request.get_host()
    others = [url.rstrip("/") for url in settings.CHAT_URLS if url.rstrip("/").partition("://")[2] != here]
    return {
        "served": Served.of(request),
        "elsewhere": [{"host": url.partition("://")[2], "url": f"{url}{request.path}"} for url in others],
    }
