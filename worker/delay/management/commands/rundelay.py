"""``manage.py rundelay``: send delayed messages until told to stop."""

from __future__ import annotations

import logging
import queue
import threading
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.names import short
from zmqlayer.worker.delay.database import DatabaseStore
from zmqlayer.worker.delay.delayed import DELAY_CHANNEL
from zmqlayer.worker.delay.stores import MemoryStore, Store
from zmqlayer.worker.delay.worker import Worker
from zmqlayer.worker.found import describe_peers
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, WorkerLayer, channel_layers, get_channel_layer
from zmqlayer.worker.stopping import stopped_by_signals

__all__ = ["Command"]

logger = logging.getLogger(__name__)

DEFAULT_SLEEP_S: Final = 1.0
LOOK_AROUND_S: Final = 1.0
"""How long after the start the peers are reported."""

GRACE_S: Final = 2.0
WAKE_EVERY_S: Final = 0.02


class Command(BaseCommand):
    """Keeps the messages sent to ``asgi.delay`` until they are due, and ends cleanly on SIGTERM and SIGINT."""

    help = "Send messages after the delay that was asked for on the channel asgi.delay."
    leave_locale_alone = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        parser.add_argument(
            "--layer", default=DEFAULT_CHANNEL_LAYER, metavar="ALIAS", help="Which of CHANNEL_LAYERS to use."
        )
        parser.add_argument(
            "--sleep",
            type=float,
            default=DEFAULT_SLEEP_S,
            metavar="SECONDS",
            help="The longest time between looks at the table, for messages that others put there; those sent to "
            "asgi.delay are sent in time whatever this is. [default: %(default)g]",
        )
        parser.add_argument(
            "--memory",
            action="store_true",
            help="Keep the messages in memory only: no database is used, and they end with the process.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Run until a signal asks to stop.

        Raises:
            CommandError: A setting cannot work; the message names the cure.
        """
        if not options["sleep"] > 0:
            raise CommandError(f"--sleep is {options['sleep']:g}, and has to be a number of seconds above 0")
        try:
            self._run(options)
        except ZmqLayerError as exc:
            raise CommandError(str(exc)) from exc
        finally:
            channel_layers.close()

    def _run(self, options: Mapping[str, Any]) -> None:
        layer = get_channel_layer(options["layer"])
        layer.role = "delay"
        worker = Worker(layer, _store_for(options))
        events: queue.SimpleQueue[None] = queue.SimpleQueue()
        thread = threading.Thread(target=_run_worker, args=(worker, events), name="delay", daemon=True)
        # A signal handler may not take the locks of a layer; the put() of a SimpleQueue may be called in one.
        with stopped_by_signals(lambda: events.put(None)):
            layer.start()
            self._report(layer, worker.store)
            thread.start()
            self._wait(layer, events)
            _stop(worker, thread)

    def _wait(self, layer: WorkerLayer, events: queue.SimpleQueue[None]) -> None:
        try:
            events.get(timeout=LOOK_AROUND_S)
        except queue.Empty:
            self._say(layer, describe_peers(layer.peers()))
            events.get()

    def _report(self, layer: WorkerLayer, store: Store) -> None:
        place = "in memory" if isinstance(store, MemoryStore) else "in the database"
        cluster = layer.node.config.cluster
        self._say(layer, f"reads {DELAY_CHANNEL} and keeps messages {place} in cluster {cluster!r}")

    def _say(self, layer: WorkerLayer, sentence: str) -> None:
        self.stdout.write(f"delay server {short(layer.node_id)} {sentence}")
        # Who starts it and reads what it says through a pipe wants it now.
        self.stdout.flush()


def _store_for(options: Mapping[str, Any]) -> Store:
    if options["memory"]:
        return MemoryStore(time.monotonic)
    store = DatabaseStore(options["layer"], options["sleep"], time.monotonic)
    store.check()
    return store


def _run_worker(worker: Worker, events: queue.SimpleQueue[None]) -> None:
    try:
        worker.run()
    finally:
        events.put(None)


def _stop(worker: Worker, thread: threading.Thread) -> None:
    deadline = time.monotonic() + GRACE_S
    while thread.is_alive() and time.monotonic() < deadline:
        # Again and again: it may have been on its way into receive() the last time.
        worker.stop()
        thread.join(WAKE_EVERY_S)
    if thread.is_alive():
        logger.warning("the delay server did not end in time and is cut off")
