"""
What the server itself tells who asks whether it lives, and whether it is ready. Pure.

A request for one of the two paths never reaches a worker, whatever its Host header says.
"""

from __future__ import annotations

from zmqlayer.interface.options import ServerOptions
from zmqlayer.messages import HTTP_REQUEST
from zmqlayer.ports import ServerLayer

__all__ = ["Health"]


class Health:
    """
    Liveness and readiness of one server.

    Attributes:
        is_leaving: Whether the server was told to stop.
    """

    def __init__(self, layer: ServerLayer, options: ServerOptions) -> None:
        self._layer = layer
        self._options = options
        self.is_leaving = False

    def answer(self, path: str) -> tuple[int, str] | None:
        """
        Answer a request for *path*.

        Returns:
            Status and a sentence; None if the path is none of ours.
        """
        if not path:
            return None
        if path == self._options.liveness_path:
            return 200, "The server runs."
        if path != self._options.readiness_path:
            return None
        problem = self._problem()
        return (503, problem) if problem else (200, "The server is ready.")

    def _problem(self) -> str:
        if self.is_leaving:
            return "The server was told to stop."
        if not self._layer.has_reader(HTTP_REQUEST):
            return "No worker that this server knows reads requests."
        return ""
