"""A server that speaks TLS, with workers behind it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import httpx

from support.certificates import Pair, make_pair
from support.cluster import START_WITHIN_S, Cluster, Server, WorkerProcess
from support.curl import Transfer, curl
from support.interface_run import trusting

__all__ = ["TlsSite"]

TIMEOUT_S: Final = 20.0


class TlsSite:
    """
    One server with a certificate of its own, and one worker.

    Args:
        folder: For the certificate, and for what curl receives.
        options: Of the server's command.
    """

    def __init__(self, folder: Path, worker: type[WorkerProcess] = WorkerProcess, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self.pair: Pair = make_pair(folder, "site")
        tls = ("--tls-cert", str(self.pair.cert), "--tls-key", str(self.pair.key))
        self.cluster = Cluster(0, 1, (*tls, *options), worker)
        self.server: Server

    def __enter__(self) -> Self:
        self.cluster.__enter__()
        try:
            self.server = self.cluster.start_server()
            self._wait_for_worker()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.cluster.__exit__()

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client needs."""
        return trusting(self.pair.cert)

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"https://127.0.0.1:{self.server.port}{path}"

    def client(self, **options: Any) -> httpx.Client:
        """Return an HTTP/2 client."""
        return httpx.Client(base_url=self.url(""), verify=self.trust, timeout=TIMEOUT_S, trust_env=False, **options)

    def async_client(self) -> httpx.AsyncClient:
        """Return an HTTP/2 client with one connection."""
        limits = httpx.Limits(max_connections=1)
        return httpx.AsyncClient(
            base_url=self.url(""), verify=self.trust, timeout=TIMEOUT_S, trust_env=False, http2=True, limits=limits
        )

    def curl(self, path: str, *arguments: str, stdin: bytes = b"") -> Transfer:
        """Run curl on a path; the output is that of ``--http2`` unless told otherwise."""
        return curl(self.folder, "--cacert", str(self.pair.cert), self.url(path), *arguments, stdin=stdin)

    def _wait_for_worker(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        with self.client(http2=True) as client:
            while client.get("/hello/").status_code != 200:
                assert time.monotonic() < deadline, "no worker answered"
