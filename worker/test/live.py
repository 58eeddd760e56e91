"""
``ChannelLiveServerTestCase``: a real interface server and real worker threads, for browsers and other clients.

The server is a process of its own, found by nobody else; the workers are threads of the test's process, so that they
see its database, its settings and what is patched.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from typing import Any, ClassVar, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase, modify_settings

from zmqlayer import ChannelLayer
from zmqlayer.messages import Message as Content
from zmqlayer.worker.handler import ViewConsumer
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, channel_layers, get_channel_layer
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.plan import choose_http_consumer
from zmqlayer.worker.routing import Consumer
from zmqlayer.worker.test.memory import in_memory_layers, memory_backends
from zmqlayer.worker.test.routes import reading, router_for
from zmqlayer.worker.threads import WorkerGroup
from zmqlayer.worker.worker import Worker

__all__ = ["ChannelLiveServerTestCase"]

START_WITHIN_S: Final = 20.0
STOP_WITHIN_S: Final = 5.0
HOST: Final = "127.0.0.1"
LISTENING: Final = re.compile(rf"Listening on http://{re.escape(HOST)}:(\d+)")


class ChannelLiveServerTestCase(TransactionTestCase):
    """
    A test case whose site can be visited while a test runs.

    The site is on the layer ``"default"``; any other one is in memory, with nobody who reads it. Its workers begin
    before the test does, and read the channels that have routes then: what ``apply_routes`` puts in force later, as on
    a method, has only these. Its host is one of ``ALLOWED_HOSTS`` while a test runs.

    Attributes:
        serve_static: Whether static files of the apps are served, where ``django.contrib.staticfiles`` is installed.
        n_threads: How many messages are consumed at once.
        live_server_url: ``http://127.0.0.1:<port>``.
        live_server_ws_url: ``ws://127.0.0.1:<port>``.
    """

    serve_static: ClassVar[bool] = True
    n_threads: ClassVar[int] = 2
    live_server_url: str
    live_server_ws_url: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.enterClassContext(in_memory_layers())
        super().setUpClass()

    def run(self, result: Any = None) -> Any:
        with contextlib.ExitStack() as opened:
            try:
                self._open_site(opened)
            except Exception:
                if result is None:
                    raise
                # As an error of this test: raised from here it would end the whole run.
                result.startTest(self)
                result.addError(self, sys.exc_info())
                result.stopTest(self)
                return result
            return super().run(result)

    def _open_site(self, opened: contextlib.ExitStack) -> None:
        cluster, secret = f"test-{secrets.token_hex(8)}", secrets.token_hex(32)
        opened.enter_context(modify_settings(ALLOWED_HOSTS={"append": HOST}))
        backend = ChannelLayer(cluster=cluster, secret=secret, discovery="off", bind=HOST)
        backends = {**memory_backends(), DEFAULT_CHANNEL_LAYER: backend}
        opened.enter_context(channel_layers.replaced(backends))
        self._start_workers(opened)
        server = _Server(cluster, secret, backend.sync.address)
        opened.callback(server.stop)
        backend.sync.ready(timeout=START_WITHIN_S)
        self.live_server_url = f"http://{HOST}:{server.port}"
        self.live_server_ws_url = f"ws://{HOST}:{server.port}"

    def _start_workers(self, opened: contextlib.ExitStack) -> None:
        shared = _share_in_memory_databases()
        opened.callback(_stop_sharing, shared)
        abandon = threading.Event()
        worker = _LiveWorker(shared, self._http_consumer(), Patience(time.monotonic, abandon.wait))
        group = WorkerGroup(worker, self.n_threads, abandon, time.monotonic, STOP_WITHIN_S)
        group.start()
        opened.callback(group.stop)
        opened.enter_context(reading(DEFAULT_CHANNEL_LAYER, worker.channels))

    def _http_consumer(self) -> Consumer:
        return choose_http_consumer(is_static_wanted=self.serve_static, is_insecure=True) or ViewConsumer()


class _LiveWorker(Worker):
    """A worker whose threads use the test's own connections to databases in memory, and the routes in force."""

    def __init__(self, shared: dict[str, BaseDatabaseWrapper], http_consumer: Consumer, patience: Patience) -> None:
        router = router_for(DEFAULT_CHANNEL_LAYER, http_consumer)
        super().__init__(get_channel_layer(), router, patience=patience, loop=ConsumerLoop(time.monotonic))
        self.shared = shared
        self.http_consumer = http_consumer

    def run(self) -> None:
        for alias, connection in self.shared.items():
            connections[alias] = connection
        try:
            super().run()
        finally:
            for connection in connections.all(initialized_only=True):
                if connection.alias not in self.shared:
                    connection.close()

    def consume(self, channel: str, content: Content, *, propagate: bool = False) -> None:
        self.router = router_for(DEFAULT_CHANNEL_LAYER, self.http_consumer)  # the test may have others by now
        super().consume(channel, content, propagate=propagate)


class _Server:
    """An interface server as a process, linked to one node."""

    def __init__(self, cluster: str, secret: str, seed: str) -> None:
        options = ["-b", HOST, "-p", "0", "--cluster", cluster, "--seed", seed, "--discovery", "off"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ZMQLAYER_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zmqlayer.interface", *options, "--mesh-bind", HOST],
            env={**environ, "ZMQLAYER_SECRET": secret, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._output: list[str] = []
        self._port: int | None = None
        self._is_listening = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def port(self) -> int:
        """
        Where it listens; waits until it does.

        Raises:
            RuntimeError: It does not; the message has what it wrote.
        """
        self._is_listening.wait(START_WITHIN_S)
        if self._port is None:
            self.stop()
            raise RuntimeError(f"the interface server did not start: {''.join(self._output)}")
        return self._port

    def stop(self) -> None:
        """End it, in order if it is quick."""
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        """Read all it writes, lest it wait; a server that ends ends the waiting too."""
        for line in self._process.stdout or ():
            self._output.append(line)
            if (found := LISTENING.search(line)) is not None:
                self._port = int(found[1])
                self._is_listening.set()
        self._is_listening.set()


def _share_in_memory_databases() -> dict[str, BaseDatabaseWrapper]:
    """Let other threads use this one's connections to databases that only exist in them, and return those."""
    shared = {
        connection.alias: connection
        for connection in connections.all()
        if connection.vendor == "sqlite" and connection.is_in_memory_db()  # type: ignore[attr-defined]  # SQLite's own
    }
    for connection in shared.values():
        connection.inc_thread_sharing()
    return shared


def _stop_sharing(shared: dict[str, BaseDatabaseWrapper]) -> None:
    for connection in shared.values():
        connection.dec_thread_sharing()
