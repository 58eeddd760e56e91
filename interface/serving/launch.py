"""From a plan to a server that runs: opens what it needs, in an order in which nothing is half open if one fails."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from zmqlayer.compose import open_layer
from zmqlayer.exceptions import TransportError
from zmqlayer.interface.clients.access_log import FORMATS, Entry
from zmqlayer.interface.deadlines import Deadlines
from zmqlayer.interface.options import Context
from zmqlayer.interface.serving.descriptors import raise_limit
from zmqlayer.interface.serving.given import Given
from zmqlayer.interface.serving.health import Health
from zmqlayer.interface.serving.life import Life
from zmqlayer.interface.serving.logs import AccessLog
from zmqlayer.interface.serving.notify import Notifier
from zmqlayer.interface.serving.plan import Plan
from zmqlayer.interface.serving.ports import Opener
from zmqlayer.interface.serving.server import InterfaceServer
from zmqlayer.interface.serving.sockets import CannotServe
from zmqlayer.twisted import ReactorLayer

if TYPE_CHECKING:
    from zmqlayer.interface.serving.certificates import Certificates

__all__ = ["launch"]


def launch(plan: Plan) -> None:
    """
    Run a server until a signal ends it.

    Raises:
        CannotServe: It could not be started; the sentence says why.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    raise_limit()
    with ExitStack() as opened:
        access_log = _open_access_log(plan.given, opened)
        layer = open_layer(plan.config, "interface")
        layer.work_in_batches()
        mesh = ReactorLayer(layer, reactor)
        health = Health(mesh, plan.options)
        context = Context(
            mesh,
            plan.options,
            Deadlines(reactor),
            _line_writer(access_log, plan.given["access_log_format"]) if access_log else None,
            proxies=plan.proxies,
            probe=health.answer,
        )
        server = InterfaceServer(context)
        factory: Any = server.factory
        certificates = _load_certificates(plan.given, factory.acceptableProtocols())
        shown = _listen(server, Opener(reactor, factory, _behind(certificates, factory), plan.given["backlog"]), plan)
        try:
            layer.start()
        except TransportError as exc:
            raise CannotServe(str(exc)) from exc
        opened.callback(layer.close)
        reactor.callWhenRunning(mesh.drive)
        for line in shown:
            click.echo(f"Listening on {line}, cluster {plan.config.cluster}")
        reloads = [part for part in (certificates and certificates.reload, access_log and access_log.reopen) if part]
        life = Life(reactor, server, context, health, Notifier.from_environment(os.environ), reloads)
        gc.collect()
        gc.freeze()  # what is there now stays; without it collections take three times as long at the 99th percentile
        life.run()


def _listen(server: InterfaceServer, opener: Opener, plan: Plan) -> list[str]:
    return [line for place in plan.places for line in server.listen(opener, place)]


def _load_certificates(given: Given, protocols: tuple[bytes, ...]) -> Certificates | None:
    if not given["tls_cert"]:
        return None
    from zmqlayer.interface.serving.certificates import Certificates  # with OpenSSL: see ``lean``

    certificates = Certificates(given["tls_cert"], given["tls_key"], protocols)
    certificates.load()
    return certificates


def _behind(certificates: Certificates | None, factory: Any) -> Any:
    """Return a factory of TLS connections around one of plain ones. Twisted's types do not know its interfaces."""
    if certificates is None:
        return None
    from twisted.protocols.tls import TLSMemoryBIOFactory  # with OpenSSL: see ``lean``

    tls: Any = certificates
    return TLSMemoryBIOFactory(tls, False, factory)


def _open_access_log(given: Given, opened: ExitStack) -> AccessLog | None:
    if not given["access_log"]:
        return None
    access_log = AccessLog(given["access_log"])
    access_log.open()
    opened.callback(access_log.close)
    return access_log


def _line_writer(access_log: AccessLog, name: str) -> Callable[[Entry], object]:
    line_of = FORMATS[name]
    return lambda entry: access_log.write(line_of(entry))
