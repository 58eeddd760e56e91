"""``manage.py runserver``: a site for one developer: server, worker and autoreload in one command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import Command as StaticRunserver
from django.core.management.base import CommandError, CommandParser
from django.db import connections

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.interface.serving.given import BadOption
from zmqlayer.interface.serving.kinds import ports
from zmqlayer.interface.serving.sockets import CannotServe
from zmqlayer.worker.console import log_to_stderr
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER
from zmqlayer.worker.management.extra import interface_extra
from zmqlayer.worker.plan import DEFAULT_THREADS, BadPlan, Plan, choose_http_consumer
from zmqlayer.worker.reloading import is_reloaded, run_reloading
from zmqlayer.worker.stopping import stopped_by_signals

if TYPE_CHECKING:
    from zmqlayer.worker.management.development import DevelopmentSite

__all__ = ["Command"]

PROBLEMS: Final = {
    errno.EACCES: "You don't have permission to access that port.",
    errno.EADDRINUSE: "That port is already in use.",
    errno.EADDRNOTAVAIL: "That IP address can't be assigned to.",
}
"""In the words of Django's own command, for who looks them up."""


class Command(StaticRunserver):
    """Django's command with another server: it speaks WebSocket, and consumers answer."""

    help = "Starts a web server and a worker for development, and serves static files."

    addr: str
    port: str
    # Django's handle() reads both from the command line.

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare Django's own flags, and some more."""
        super().add_arguments(parser)
        add = parser.add_argument
        add("--layer", default=DEFAULT_CHANNEL_LAYER, metavar="ALIAS", help="Which of CHANNEL_LAYERS to use.")
        add(
            "--noworker", action="store_false", dest="has_worker",
            help="Run the server only; start 'manage.py runworker' in another terminal.",
        )  # fmt: skip
        add(
            "--nointerface", "--noasgi", action="store_false", dest="has_server",
            help="Run the worker only; start 'manage.py runinterface' in another terminal.",
        )  # fmt: skip
        add(
            "--http-timeout", "--http_timeout", metavar="SECONDS",
            help="Answer 503 if a response has not begun by then. [default: an hour, for debuggers]",
        )  # fmt: skip
        add(
            "--websocket-handshake-timeout", "--websocket_handshake_timeout", metavar="SECONDS",
            help="Answer 503 if no consumer accepted a WebSocket by then. [default: 5]",
        )  # fmt: skip

    def run(self, **options: Any) -> None:
        """
        Run a site, under the autoreloader if that is wanted.

        Raises:
            CommandError: The port is none, or the server's part of the package is not installed.
        """
        self._check_port()
        with interface_extra("runserver"):
            import_module("zmqlayer.worker.management.development")
        sites: list[DevelopmentSite] = []

        def stop() -> None:
            for site in sites:
                site.stop()

        if options["use_reloader"]:
            run_reloading(lambda: self._run_site(sites, options), stop)
        else:
            with _interruptible(sites):
                self._run_site(sites, options)

    def _check_port(self) -> None:
        try:
            ports(self.port)
        except ValueError as exc:
            raise CommandError(f"port {exc}") from exc

    def _run_site(self, sites: list[DevelopmentSite], options: Mapping[str, Any]) -> None:
        log_to_stderr(options["verbosity"])
        try:
            self._check_project(options)
            self._make_do()
            site = self._open_site(options)
        except CannotServe as exc:
            self._give_up(exc)
        except (ZmqLayerError, BadOption, BadPlan, CommandError) as exc:
            self.stderr.write(f"Error: {exc}")
            _leave_unless_reloaded()
            return
        sites.append(site)
        self.stdout.write(self._describe(site, options))
        if options["has_server"]:
            self.on_bind(site.port)
        self.stdout.flush()
        site.run()
        if options.get("shutdown_message"):
            self.stdout.write(options["shutdown_message"])

    def _check_project(self, options: Mapping[str, Any]) -> None:
        if not options["skip_checks"]:
            self.stdout.write("Performing system checks...\n\n")
            self.check(display_num_errors=True)
        self.check_migrations()
        for connection in connections.all(initialized_only=True):
            connection.close()

    def _make_do(self) -> None:
        if getattr(settings, "CHANNEL_LAYERS", None):
            return
        from zmqlayer.worker.management.development import make_do_without_layers  # see run()

        make_do_without_layers()
        self.stdout.write(
            "The settings have no CHANNEL_LAYERS: this process has a layer of its own, which no other can join.\n"
        )

    def _open_site(self, options: Mapping[str, Any]) -> DevelopmentSite:
        if not options["has_server"] and not options["has_worker"]:
            raise BadPlan("--nointerface and --noworker leave nothing to run; give one of them")
        from zmqlayer.worker.management.development import DevelopmentSite  # see run()

        consumer = choose_http_consumer(
            is_static_wanted=options["use_static_handler"], is_insecure=options["insecure_serving"]
        )
        threads = DEFAULT_THREADS if options["use_threading"] else 1
        site = DevelopmentSite(Plan(options["layer"], n_threads=threads), consumer, self._say)
        site.open(
            self.addr,
            int(self.port),
            {
                "http_timeout": options["http_timeout"],
                "websocket_connect_timeout": options["websocket_handshake_timeout"],
                "ws_protocol": getattr(settings, "CHANNELS_WS_PROTOCOLS", None),
            },
            has_server=options["has_server"],
            has_worker=options["has_worker"],
        )
        return site

    def _describe(self, site: DevelopmentSite, options: Mapping[str, Any]) -> str:
        threads = f"{DEFAULT_THREADS} threads" if options["use_threading"] else "1 thread"
        if not options["has_worker"]:
            return f"No worker here: 'manage.py runworker' is one, in cluster {site.cluster!r}."
        if not options["has_server"]:
            return f"No server here: 'manage.py runinterface' is one, in cluster {site.cluster!r}."
        return f"A worker with {threads} runs in this process, in cluster {site.cluster!r}."

    def _say(self, sentence: str) -> None:
        """Say nothing of what the worker says: it is a part of what the banner describes."""

    def _give_up(self, problem: CannotServe) -> None:
        cause = problem.__cause__
        known = PROBLEMS.get(cause.errno or 0) if isinstance(cause, OSError) else None
        self.stderr.write(f"Error: {known or problem}")
        _leave(1)


def _leave_unless_reloaded() -> None:
    """End with status 1; under the autoreloader stay, and wait for the change that mends it."""
    if not is_reloaded():
        _leave(1)


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    if is_reloaded():
        os._exit(status)  # this is not the main thread, where sys.exit would do
    sys.exit(status)


@contextmanager
def _interruptible(sites: list[DevelopmentSite]) -> Iterator[None]:
    """Let signals stop *sites*; before there are any, they end the command."""

    def stop() -> None:
        if not sites:
            raise KeyboardInterrupt
        for site in sites:
            site.stop()

    try:
        with stopped_by_signals(stop):
            yield
    except KeyboardInterrupt:
        sys.exit(0)
