"""``zmqlayer interface``: run one interface server until it is told to stop."""

from __future__ import annotations

import errno
import logging
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Any, Final

import click
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)

from zmqlayer.cli.options import layer_options, read_config, take_settings
from zmqlayer.compose import open_layer
from zmqlayer.config import Config
from zmqlayer.exceptions import ConfigError, TransportError
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.interface.serving.server import InterfaceServer
from zmqlayer.project import SETTINGS_VARIABLE, join_project
from zmqlayer.twisted import ReactorLayer

__all__ = ["interface"]

LEVELS: Final = {0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}

LINGER_S: Final = 0.5
"""All that a server leaves unsent is requests of clients that are gone, and word that they are."""

EXAMPLES: Final = """\b
Examples:
  zmqlayer interface                          http://127.0.0.1:8000, cluster "default"
  zmqlayer interface -p 8001 --cluster shop   another port, only nodes of cluster "shop"
  zmqlayer interface -b 0.0.0.0 -p 80         reachable from other machines
  zmqlayer interface --access-log -           a line for each response
  zmqlayer interface --settings shop.settings with the secret of a Django project, as its workers have it

The secret of a mesh is not given here, where every user of the machine can read it, but in ZMQLAYER_SECRET.
"""


@dataclass(frozen=True, slots=True)
class Listening:
    """
    Where to listen, and what to write about it.

    Attributes:
        access_log: Takes the lines of the access log; None writes none.
    """

    host: str
    port: int
    access_log: IO[str] | None


@click.command(
    name="interface",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXAMPLES,
)
@click.option(
    "-b", "--bind", "host", metavar="HOST", default="127.0.0.1", show_default=True, help="Listen on this address."
)
@click.option(
    "-p",
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Listen on this port; 0 for any that is free.",
)
@click.option(
    "-t",
    "--http-timeout",
    metavar="SECONDS",
    type=float,
    default=120.0,
    show_default=True,
    help="Answer 503 if no worker began a response by then.",
)
@click.option(
    "--websocket-connect-timeout",
    metavar="SECONDS",
    type=float,
    default=5.0,
    show_default=True,
    help="Answer 503 if no worker accepted a WebSocket by then.",
)
@click.option(
    "--websocket-max-message-size",
    metavar="BYTES",
    type=int,
    default=1_048_576,
    show_default=True,
    help="Close a WebSocket whose client sends more in one message.",
)
@click.option(
    "--ping-interval",
    metavar="SECONDS",
    type=float,
    default=20.0,
    show_default=True,
    help="Ping WebSocket clients this often; 0 for never.",
)
@click.option(
    "--ping-timeout",
    metavar="SECONDS",
    type=float,
    default=30.0,
    show_default=True,
    help="Cut off a WebSocket whose client does not answer a ping by then; 0 for never.",
)
@click.option("--root-path", metavar="PATH", default="", help="Tell workers that the site is mounted here.")
@click.option(
    "--access-log",
    metavar="FILE",
    type=click.File("a", encoding="utf-8"),
    help="Append a line for each response, in NCSA's combined format; - for standard output.",
)
@click.option(
    "-v",
    "--verbosity",
    metavar="LEVEL",
    type=click.IntRange(0, 2),
    default=1,
    show_default=True,
    help="0: warnings. 1: also nodes that join and leave. 2: everything.",
)
@click.option(
    "--settings",
    metavar="MODULE",
    envvar=SETTINGS_VARIABLE,
    show_envvar=True,
    help="Take the secret of this Django project, as its workers do, if none is given.",
)
@layer_options
def interface(settings: str | None, **options: Any) -> None:
    """
    Serve HTTP and WebSocket clients, and let workers answer.

    Each request becomes a message on the mesh, and is answered by whichever worker is free. Servers and workers of
    one cluster find each other: there is nothing else to start, and no order in which to start them. Workers may
    come and go while clients stay connected.

    SIGTERM or Ctrl-C ends it: WebSockets are closed with code 1001, so that clients connect again elsewhere.
    """
    if settings is not None:
        _join_project(settings)
    config = read_config(take_settings(options))
    server_options = _read_options(options, config)
    _log_to_stderr(LEVELS[options["verbosity"]])
    serve(config, server_options, Listening(options["host"], options["port"], options["access_log"]))


def serve(config: Config, options: ServerOptions, listening: Listening) -> None:
    """
    Run a server until a signal ends it.

    Raises:
        click.ClickException: It could not be started; the sentence says why.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    layer = open_layer(replace(config, timing=replace(config.timing, linger_s=LINGER_S)), "interface")
    log_access = None if listening.access_log is None else _line_writer(listening.access_log)
    server = InterfaceServer(
        Context(ReactorLayer(layer, reactor), options, reactor, log_access)  # type: ignore[arg-type]  # it grows
    )
    url = _listen(server, reactor, listening)
    try:
        layer.start()
    except TransportError as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo(f"Listening on {url}, cluster {config.cluster}")
    reactor.addSystemEventTrigger("before", "shutdown", server.stop)
    _stop_on_signals(reactor)
    try:
        reactor.run(installSignalHandlers=False)
    finally:
        layer.close()


def _join_project(settings: str) -> None:
    try:
        join_project(settings)
    except ConfigError as exc:
        raise click.BadParameter(exc.problem, param_hint="--settings") from exc


def _read_options(options: dict[str, Any], config: Config) -> ServerOptions:
    try:
        return ServerOptions(
            http_timeout_s=options["http_timeout"],
            websocket_connect_timeout_s=options["websocket_connect_timeout"],
            ping_interval_s=options["ping_interval"],
            ping_timeout_s=options["ping_timeout"],
            websocket_max_message_size=options["websocket_max_message_size"],
            max_message_size=config.max_message_size,
            root_path=options["root_path"],
        )
    except ConfigError as exc:
        flag = "--" + exc.setting.removesuffix("_s").replace("_", "-")
        raise click.BadParameter(exc.problem, param_hint=flag) from exc


def _listen(server: InterfaceServer, reactor: Any, listening: Listening) -> str:
    try:
        return server.listen(reactor, listening.host, listening.port)
    except CannotListenError as exc:
        reason = exc.socketError
        if reason.errno == errno.EADDRINUSE:
            sentence = "it is in use; stop what uses it, or choose another port with -p"
        else:
            sentence = reason.strerror or str(reason)
        raise click.ClickException(f"cannot listen on {listening.host} port {listening.port}: {sentence}") from exc


def _stop_on_signals(reactor: Any) -> None:
    """Stop at the first signal. Further ones change nothing; Twisted's own handlers would log a traceback."""

    def stop() -> None:
        with suppress(ReactorNotRunning):
            reactor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: reactor.callFromThread(stop))


def _line_writer(file: IO[str]) -> Any:
    return lambda line: click.echo(line, file=file)


def _log_to_stderr(level: int) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", force=True)
    logging.getLogger("zmqlayer").setLevel(level)
    # Of Twisted's own log only what nobody caught is of use here: it warns of each client that misbehaves.
    uncaught: Any = LogLevelFilterPredicate(defaultLogLevel=LogLevel.critical)
    to_stdlib: Any = STDLibLogObserver("twisted")
    observer: Any = FilteringLogObserver(to_stdlib, [uncaught])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
