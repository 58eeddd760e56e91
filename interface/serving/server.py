"""The server: places that are open, and the connections that came through them."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from zmqlayer.interface.clients.factory import ConnectionFactory
from zmqlayer.interface.options import Context
from zmqlayer.interface.serving.places import Place
from zmqlayer.interface.serving.ports import Opened, Opener

__all__ = ["InterfaceServer"]


class InterfaceServer:
    """Accepts clients and carries them to the mesh and back."""

    def __init__(self, context: Context) -> None:
        self.factory = ConnectionFactory(context)
        self._stop_timeout_s = context.options.stop_timeout_s
        self._opened: list[Opened] = []

    def __repr__(self) -> str:
        return f"<InterfaceServer [{len(self._opened)} places, {len(self.factory.connections)} connections]>"

    def listen(self, opener: Opener, place: Place) -> tuple[str, ...]:
        """
        Accept clients at *place* from now on.

        Returns:
            How to reach it: a URL, where there is one, for each address.

        Raises:
            CannotServe: It cannot be opened.
        """
        opened = opener.open(place)
        self._opened.append(opened)
        return opened.shown

    def stop(self) -> Deferred[None]:
        """
        Accept nobody any more, let responses end, close WebSockets with 1001.

        Returns:
            Fires when no connection is left, after ``stop_timeout_s`` at the latest.
        """
        taken, self._opened = self._opened, []
        for opened in taken:
            for port in opened.ports:
                port.stopListening()
        return self.factory.stop(self._stop_timeout_s)
