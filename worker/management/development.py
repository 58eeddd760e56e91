"""
``DevelopmentSite``: an interface server and a worker in one process, for one developer. ``runserver`` runs it.

They are two nodes of one mesh. The server is told the worker's address, so that the first request does not wait until
they have found each other. A site in one process stays on this machine; with only one half here, it joins the mesh as
the settings say, since the other half does so too.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.conf import settings

from zmqlayer.bind import Bind
from zmqlayer.config import Config, parse_environment
from zmqlayer.interface.clients.access_log import Entry
from zmqlayer.interface.serving.embedded import EmbeddedServer, plan_for
from zmqlayer.interface.serving.logs import pass_on_faults
from zmqlayer.sync import SyncLayer
from zmqlayer.worker.console import log_response
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, channel_layers, layer_settings
from zmqlayer.worker.plan import BadPlan, Plan, build_group
from zmqlayer.worker.routing import Consumer
from zmqlayer.worker.service import Service
from zmqlayer.worker.threads import WorkerGroup

__all__ = ["DevelopmentSite", "make_do_without_layers"]

GRACE_S: Final = 1.0
"""For responses and consumers, at the end: a developer does not wait longer."""

AT_A_BREAKPOINT_S: Final = 3600.0
"""How long a response may take: whoever wrote the view may be looking at it in a debugger."""

ON_THIS_MACHINE: Final[Mapping[str, str]] = {"discovery": "localhost", "bind": "127.0.0.1"}


class DevelopmentSite:
    """
    One run of a site: its server, its worker, or both.

    Args:
        plan: Of the worker.
        http_consumer: As for :func:`build_group`.
        say: Takes the worker's sentences, if there is a worker and no server; else they are of no use.

    Attributes:
        cluster: Which the site has joined, once it is open.
        port: Where its server listens, which any free port may be.
    """

    def __init__(self, plan: Plan, http_consumer: Consumer | None, say: Callable[[str], object]) -> None:
        self.cluster = ""
        self.port = 0
        self._plan = replace(plan, grace_s=GRACE_S)
        self._http_consumer = http_consumer
        self._say = say
        self._server: EmbeddedServer | None = None
        self._service: Service | None = None

    def open(self, host: str, port: int, options: Mapping[str, Any], *, has_server: bool, has_worker: bool) -> None:
        """
        Join the mesh, and listen.

        Args:
            options: Of the server, by the names that they have in its settings; None for what was not said.

        Raises:
            CannotServe: The server cannot listen there.
            BadOption: An option of the server cannot be used.
            ZmqLayerError: The settings of the layer, or the routing, cannot be used.
        """
        try:
            self._open(host, port, options, has_server, has_worker)
        except BaseException:
            channel_layers.close()
            raise

    def run(self) -> None:
        """Serve, and work, until :meth:`stop`; then leave the mesh."""
        try:
            if self._server is None:
                assert self._service is not None  # a site without both has not been opened
                self._service.run()
            else:
                self._run_server(self._server)
        finally:
            channel_layers.close()

    def stop(self) -> None:
        """Let :meth:`run` end in order. From any thread, and from signal handlers."""
        if self._server is not None:
            self._server.stop()
        elif self._service is not None:
            self._service.request_stop()

    def _open(self, host: str, port: int, options: Mapping[str, Any], has_server: bool, has_worker: bool) -> None:
        if has_server and has_worker:  # else the other half looks for this one where the settings say
            channel_layers.override(self._plan.alias, _on_this_machine(self._plan.alias))
        group = build_group(self._plan, self._http_consumer)
        layer = _mesh_layer(group, self._plan.alias)
        self.cluster = layer.node.config.cluster
        if has_worker:
            self._service = Service(group, self._say)
        if has_server:
            config = _beside(layer.node.config)
            if has_worker:
                layer.start()
                config = replace(config, seeds=(layer.address, *config.seeds))
            self._server = _open_server(config, host, port, options)
            self.port = self._server.port

    def _run_server(self, server: EmbeddedServer) -> None:
        if self._service is None:
            server.run()
            return
        working = threading.Thread(target=self._service.run, name="worker", daemon=True)
        working.start()
        server.run()
        self._service.request_stop()
        working.join()


def make_do_without_layers() -> None:
    """
    Have a layer for this process alone, where ``CHANNEL_LAYERS`` is missing.

    Everything that sends looks it up in the settings; so it is put there.
    """
    config = {"cluster": f"runserver-{secrets.token_hex(8)}", "discovery": "off"}
    settings.CHANNEL_LAYERS = {DEFAULT_CHANNEL_LAYER: {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": config}}


def _on_this_machine(alias: str) -> dict[str, str]:
    """Return what keeps the mesh here, as far as the project says nothing else: colleagues may share its secret."""
    said = {*layer_settings(alias).get("CONFIG", {}), *parse_environment(os.environ)}
    return {name: value for name, value in ON_THIS_MACHINE.items() if name not in said}


def _mesh_layer(group: WorkerGroup, alias: str) -> SyncLayer:
    layer = group.worker.channel_layer
    if not isinstance(layer, SyncLayer):
        backend = layer_settings(alias)["BACKEND"]
        raise BadPlan(f"CHANNEL_LAYERS[{alias!r}] has BACKEND {backend!r}; runserver needs 'zmqlayer.ChannelLayer'")
    return layer


def _open_server(config: Config, host: str, port: int, options: Mapping[str, Any]) -> EmbeddedServer:
    pass_on_faults()
    times = {"http_timeout": AT_A_BREAKPOINT_S, "stop_timeout": GRACE_S}
    given = {name: value for name, value in options.items() if value is not None}
    server = EmbeddedServer(plan_for(config, host, port, {**times, **given}), _log)
    server.open()
    return server


def _beside(config: Config) -> Config:
    """Return the configuration of one more node here: a port that is given is the worker's."""
    return replace(config, bind=Bind(config.bind.host, 0))


def _log(entry: Entry) -> None:
    log_response(entry.request_line, entry.status, entry.size, entry.ended_at)
