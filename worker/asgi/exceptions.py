"""
What applications, and those who start them, are told.

::

    OSError
    ├── ClientGone      send(): nobody is there to be sent anything
    └── BodyLost        receive(): the request's body has a hole
    ZmqLayerError
    ├── CannotLoad      there is no such application
    └── StartupFailed   the application said that it cannot start
"""

from __future__ import annotations

from zmqlayer.exceptions import ZmqLayerError

__all__ = ["BodyLost", "CannotLoad", "ClientGone", "StartupFailed"]


class ClientGone(OSError):
    """Raised by ``send`` when the client has left, as ASGI's specification asks since version 2.4."""


class BodyLost(OSError):
    """Raised by ``receive`` when a piece of a request's body got lost in the mesh."""


class CannotLoad(ZmqLayerError):
    """There is no application where it was looked for."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path!r} {self.problem}"


class StartupFailed(ZmqLayerError):
    """The application said ``lifespan.startup.failed``."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence or "the application failed to start, and did not say why"
