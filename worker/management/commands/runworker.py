"""``manage.py runworker``: consume messages until told to stop."""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from zmqlayer.config import FLAGS, Setting
from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.names import short
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, WorkerLayer, channel_layers, get_channel_layer
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Router, load_routing
from zmqlayer.worker.signals import worker_ready
from zmqlayer.worker.threads import WorkerGroup
from zmqlayer.worker.worker import Worker, choose_channels

__all__ = ["Command"]

DEFAULT_THREADS: Final = 4
LOOK_AROUND_S: Final = 1.0
"""How long after the start the peers are reported."""


class Command(BaseCommand):
    """Reads channels, runs consumers, and ends cleanly on SIGTERM and SIGINT."""

    help = "Run consumers on the messages that interface servers and others send."
    leave_locale_alone = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags: the worker's own, and one for each setting of the layer."""
        parser.add_argument(
            "--layer", default=DEFAULT_CHANNEL_LAYER, metavar="ALIAS", help="Which of CHANNEL_LAYERS to use."
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=DEFAULT_THREADS,
            metavar="N",
            help="How many messages to consume at once. [default: %(default)s]",
        )
        parser.add_argument(
            "--only-channels", action="append", default=[], metavar="GLOB", help="Read only channels like this."
        )
        parser.add_argument(
            "--exclude-channels", action="append", default=[], metavar="GLOB", help="Read no channels like this."
        )
        group = parser.add_argument_group("channel layer", "Each wins over CONFIG in CHANNEL_LAYERS.")
        for setting in FLAGS:
            _add_setting(group, setting)

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Run until a signal asks to stop.

        Raises:
            CommandError: A setting cannot work; the message names the cure.
        """
        if options["threads"] < 1:
            raise CommandError(f"--threads is {options['threads']}, and a worker needs at least 1")
        try:
            self._run(options)
        except ZmqLayerError as exc:
            raise CommandError(str(exc)) from exc
        finally:
            channel_layers.close()

    def _run(self, options: Mapping[str, Any]) -> None:
        alias = options["layer"]
        router = Router(load_routing(alias))
        router.check_default()
        channels = choose_channels(router.channels, options["only_channels"], options["exclude_channels"])
        if not channels:
            raise CommandError(f"no channel is left to read; the routing has {', '.join(sorted(router.channels))}")
        channel_layers.override(alias, _given_settings(options))
        layer = get_channel_layer(alias)
        layer.role = "worker"
        abandon = threading.Event()
        patience = Patience(time.monotonic, abandon.wait)
        worker = Worker(layer, router, channels, patience, loop=ConsumerLoop(time.monotonic))
        group = WorkerGroup(worker, options["threads"], abandon, time.monotonic)
        with _stopped_by_signals(group):
            layer.start()
            self._work(group, layer)

    def _work(self, group: WorkerGroup, layer: WorkerLayer) -> None:
        group.start()
        worker_ready.send_robust(sender=WorkerGroup, worker=group.worker)
        threads = "1 thread" if group.n_threads == 1 else f"{group.n_threads} threads"
        cluster = layer.node.config.cluster
        self._say(layer, f"reads {', '.join(group.worker.channels)} with {threads} in cluster {cluster!r}")
        is_stop = group.wait(LOOK_AROUND_S)
        if not is_stop:
            self._report_peers(layer)
            group.wait()
        group.stop()

    def _report_peers(self, layer: WorkerLayer) -> None:
        peers = sorted(f"{peer.role} {short(peer.node_id)}" for peer in layer.peers() if peer.state == "ready")
        found = ", ".join(peers) or "nobody yet; the worker goes on looking"
        self._say(layer, f"found {found}")

    def _say(self, layer: WorkerLayer, sentence: str) -> None:
        self.stdout.write(f"worker {short(layer.node_id)} {sentence}")
        # Who starts workers and reads what they say through a pipe wants it now.
        self.stdout.flush()


def _add_setting(group: Any, setting: Setting) -> None:
    group.add_argument(
        setting.flag,
        dest=_destination(setting),
        metavar=setting.metavar,
        action="append" if setting.is_repeatable else "store",
        help=f"{setting.help} ({setting.variable})".replace("%", "%%"),
    )


def _destination(setting: Setting) -> str:
    # Not the bare name, lest it meet an option of Django's.
    return f"layer_{setting.name}"


def _given_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    values = {setting.name: options.get(_destination(setting)) for setting in FLAGS}
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def _stopped_by_signals(group: WorkerGroup) -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: group.request_stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
