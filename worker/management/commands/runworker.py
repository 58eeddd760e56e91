"""``manage.py runworker``: consume messages until told to stop."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.worker.asgi import AsgiService
from zmqlayer.worker.asgi.ending import end_process
from zmqlayer.worker.asgi.exceptions import CannotLoad
from zmqlayer.worker.collecting import settle_in
from zmqlayer.worker.console import log_to_stderr
from zmqlayer.worker.hosting import host_application
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, channel_layers
from zmqlayer.worker.loop import DEFAULT_LIMIT
from zmqlayer.worker.management.mesh_flags import add_mesh_flags, given_mesh_flags
from zmqlayer.worker.plan import (
    DEFAULT_GRACE_S,
    DEFAULT_THREADS,
    BadPlan,
    Plan,
    build_group,
    check_port,
    choose_http_consumer,
)
from zmqlayer.worker.processes import CannotRepeat, Lifeline, become_parent
from zmqlayer.worker.reloading import run_reloading
from zmqlayer.worker.service import Service
from zmqlayer.worker.stopping import SIGNALS, stopped_by_signals

__all__ = ["Command"]


class Command(BaseCommand):
    """Reads channels, runs consumers, and ends cleanly on SIGTERM and SIGINT."""

    help = "Run consumers on the messages that interface servers and others send."
    leave_locale_alone = True
    _is_program = False

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as the program of this process, which is not to outlive it."""
        self._is_program = True
        super().run_from_argv(argv)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags: the worker's own, and one for each setting of the layer."""
        add = parser.add_argument
        add("--layer", default=DEFAULT_CHANNEL_LAYER, metavar="ALIAS", help="Which of CHANNEL_LAYERS to use.")
        add(
            "--threads", type=int, default=DEFAULT_THREADS, metavar="N",
            help="How many messages to consume at once. [default: %(default)s]",
        )  # fmt: skip
        add(
            "--processes", type=int, default=1, metavar="N",
            help="How many processes to run, each with so many threads. One that dies is replaced; SIGHUP renews all, "
            "one after the other. [default: %(default)s]",
        )  # fmt: skip
        add(
            "--async-limit", type=int, default=DEFAULT_LIMIT, metavar="N",
            help="How many consumers that are coroutines may run at once in a process. [default: %(default)s]",
        )  # fmt: skip
        add(
            "--asgi", nargs="?", const="", default=None, metavar="APPLICATION",
            help="Run this ASGI application, named like mysite.asgi.application, for requests and WebSockets, instead "
            "of routes and views; without a name ASGI_APPLICATION of the settings. It has one thread, and as many "
            "connections at once as --async-limit says.",
        )  # fmt: skip
        add("--only-channels", action="append", default=[], metavar="GLOB", help="Read only channels like this.")
        add("--exclude-channels", action="append", default=[], metavar="GLOB", help="Read no channels like this.")
        add(
            "--graceful-timeout", type=float, default=DEFAULT_GRACE_S, metavar="SECONDS",
            help="How long consumers may take to finish when the worker is told to stop. [default: %(default)s]",
        )  # fmt: skip
        add(
            "--disable-graceful-stop", action="store_true",
            help="Cut consumers off when the worker is told to stop: the same as --graceful-timeout 0.",
        )  # fmt: skip
        add("--reload", action="store_true", help="For development: start again when a source file changes.")
        add_mesh_flags(parser)

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Return which of the project's checks to run first: with --reload none, since each new start runs them."""
        return {"tags": set()} if options["reload"] else super().get_check_kwargs(options)

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Run until a signal asks to stop.

        Raises:
            CommandError: A setting cannot work; the message names the cure.
        """
        with _told_in_a_sentence():
            plan = _read_plan(options)
            log_to_stderr(options["verbosity"])
            self._is_quiet = options["verbosity"] == 0
            lifeline = Lifeline.take()
            if lifeline is not None:
                plan = replace(plan, n_processes=1)
            status = self._run_reloading(plan, options) if options["reload"] else self._run(plan, options, lifeline)
        if options["asgi"] is not None and self._is_program:
            end_process(status)
        if options["asgi"] is not None or status:
            sys.exit(status)

    def _run(self, plan: Plan, options: Mapping[str, Any], lifeline: Lifeline | None) -> int:
        try:
            channel_layers.override(plan.alias, given_mesh_flags(options))
            if plan.n_processes > 1:
                check_port(plan)
            service = self._prepare(plan, options, lifeline)
            if plan.n_processes > 1:
                become_parent(plan.n_processes, service.ending_s if isinstance(service, AsgiService) else plan.grace_s)
            settle_in()
            if isinstance(service, AsgiService):
                return service.run()
            with stopped_by_signals(_stopping(service, is_child=lifeline is not None)):
                if lifeline is not None:
                    lifeline.hold(plan.grace_s)
                service.run()
            return 0
        finally:
            channel_layers.close()

    def _run_reloading(self, plan: Plan, options: Mapping[str, Any]) -> Any:
        services: list[Service | AsgiService] = []

        def run() -> None:
            try:
                with _told_in_a_sentence():
                    if not options["skip_checks"]:
                        self.check()
                    channel_layers.override(plan.alias, given_mesh_flags(options))
                    services.append(self._prepare(plan, options))
                    services[0].run()
            except CommandError as exc:
                self.stderr.write(f"Error: {exc}\nwaiting for a change of the source")
            finally:
                channel_layers.close()

        def stop() -> None:
            for service in services:
                service.request_stop()

        try:
            run_reloading(run, stop)
        except SystemExit as exc:  # a file has changed
            return exc.code
        return 0

    def _prepare(
        self, plan: Plan, options: Mapping[str, Any], lifeline: Lifeline | None = None
    ) -> Service | AsgiService:
        if options["asgi"] is not None:
            return host_application(options["asgi"], plan, self._say, lifeline)
        return Service(build_group(plan, choose_http_consumer()), self._say, lifeline)

    def _say(self, sentence: str) -> None:
        if self._is_quiet:
            return
        self.stdout.write(sentence)
        # Who starts workers and reads what they say through a pipe wants it now.
        self.stdout.flush()


def _read_plan(options: Mapping[str, Any]) -> Plan:
    if options["reload"] and options["processes"] != 1:
        raise BadPlan("--reload runs one process, since it is for development; leave --processes out")
    return Plan(
        alias=options["layer"],
        n_threads=options["threads"],
        n_processes=options["processes"],
        async_limit=options["async_limit"],
        grace_s=0.0 if options["disable_graceful_stop"] else options["graceful_timeout"],
        only=tuple(options["only_channels"]),
        exclude=tuple(options["exclude_channels"]),
    )


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (ZmqLayerError, BadPlan, CannotLoad, CannotRepeat) as exc:
        raise CommandError(str(exc)) from exc


def _stopping(service: Service, *, is_child: bool) -> Callable[[], None]:
    """Return what the first signal does. A second one ends the process, but not a child: its parent does."""

    def stop() -> None:
        service.request_stop()
        if not is_child:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)

    return stop
