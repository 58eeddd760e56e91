"""
An interface server inside a program that does other things as well, like a development server.

It takes no signals, writes no files and says nothing: what ``launch`` and ``life`` do for the command is up to the
program here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from zmqlayer.compose import open_layer
from zmqlayer.config import Config
from zmqlayer.exceptions import TransportError
from zmqlayer.interface.clients.access_log import Entry
from zmqlayer.interface.deadlines import Deadlines
from zmqlayer.interface.options import Context
from zmqlayer.interface.serving.config_file import ConfigFile
from zmqlayer.interface.serving.given import read_given
from zmqlayer.interface.serving.places import Tcp
from zmqlayer.interface.serving.plan import Plan, prepare
from zmqlayer.interface.serving.ports import Opener
from zmqlayer.interface.serving.server import InterfaceServer
from zmqlayer.interface.serving.sockets import CannotServe
from zmqlayer.twisted import ReactorLayer

__all__ = ["EmbeddedServer", "plan_for"]


class EmbeddedServer:
    """
    One server on the reactor of this process, which nobody else may use.

    Args:
        log_access: Takes what there is to say about each response.

    Attributes:
        port: Where it listens, once it is open: the port that was asked for, or any that was free.
    """

    def __init__(self, plan: Plan, log_access: Callable[[Entry], object]) -> None:
        self.port = 0
        self._plan = plan
        self._log_access = log_access
        self._opened = ExitStack()
        self._server: InterfaceServer | None = None
        self._reactor: Any = None
        self._is_stopping = False

    def __repr__(self) -> str:
        return f"<EmbeddedServer [{self._server or 'closed'}]>"

    def open(self) -> None:
        """
        Listen, and join the mesh.

        Raises:
            CannotServe: It cannot listen there; the cause, if it is an :class:`OSError`, tells more.
        """
        from twisted.internet import reactor  # installs itself when it is imported

        self._reactor = reactor
        layer = open_layer(self._plan.config, "interface")
        mesh = ReactorLayer(layer, self._reactor)
        context = Context(
            mesh,
            self._plan.options,
            Deadlines(self._reactor),
            self._log_access,
            proxies=self._plan.proxies,
        )
        self._server = InterfaceServer(context)
        opener = Opener(self._reactor, self._server.factory, None, self._plan.given["backlog"])
        for place in self._plan.places:
            self.port = urlsplit(self._server.listen(opener, place)[0]).port or 0
        try:
            layer.start()
        except TransportError as exc:
            raise CannotServe(str(exc)) from exc
        self._opened.callback(layer.close)
        self._reactor.callWhenRunning(mesh.drive)

    def run(self) -> None:
        """Serve on this thread until :meth:`stop`; then leave the mesh."""
        with self._opened:
            self._reactor.run(installSignalHandlers=False)

    def stop(self) -> None:
        """Let :meth:`run` end in order. From any thread, and from signal handlers; more than once if you like."""
        self._reactor.callFromThread(self._stop)

    def _stop(self) -> None:
        assert self._server is not None  # open() comes first
        if not self._is_stopping:
            self._is_stopping = True
            self._server.stop().addCallback(lambda _: self._reactor.stop())


def plan_for(config: Config, host: str, port: int, options: Mapping[str, Any]) -> Plan:
    """
    Return the plan of a server with one TCP port.

    Args:
        config: Of its node.
        options: Of the server, by the names that they have in ``settings``; None for what was not said.

    Raises:
        BadOption: A value cannot be used.
    """
    given = read_given(options, {}, ConfigFile())
    return Plan(prepare(config), given.server_options(config.max_message_size), (Tcp(host, port),), None, given)
