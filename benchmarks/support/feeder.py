"""A node that asks a worker for pages, as an interface server would, with a number of requests under way at once."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from typing import Any, Final, Self

from support.processes import Process, run_python, wait_until
from zmqlayer import SyncChannelLayer

__all__ = ["Feeder"]

AT_ONCE: Final = 16
START_WITHIN_S: Final = 20.0
HEADERS: Final = [
    [b"host", b"localhost"],
    [b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"],
    [b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    [b"accept-language", b"en-GB,en;q=0.5"],
    [b"accept-encoding", b"gzip, deflate, br"],
    [b"cookie", b"theme=dark"],
]
"""Those of a browser."""


class Feeder:
    """
    A worker process with one thread, and this process as its only client.

    Args:
        middleware: ``bare`` or ``seven``.
        prefetch: Of the worker; as it has it by default if None.
    """

    def __init__(self, middleware: str, prefetch: int | None = None) -> None:
        self._arguments = middleware, *([] if prefetch is None else [str(prefetch)])

    def __enter__(self) -> Self:
        cluster = f"benchmark-{secrets.token_hex(4)}"
        secret = secrets.token_hex(32)  # as in a project, where all nodes share one
        with ExitStack() as stack:
            self.layer = SyncChannelLayer(cluster=cluster, secret=secret)
            stack.callback(self.layer.close)
            self.worker: Process = stack.enter_context(run_python("view_worker.py", cluster, secret, *self._arguments))
            self._replies = self.layer.new_channel("http.response!").partition("!")[0] + "!"
            wait_until(lambda: self.layer.has_reader("http.request"), START_WITHIN_S, "a worker", self.worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def cost_us(self, path: str, number: int) -> float:
        """
        Ask *number* times for *path*.

        Returns:
            Processor time of the worker process, of all its threads, in user and system mode, for each request.

        Raises:
            RuntimeError: An answer was not 200, or none came.
        """
        self._ask(path, min(AT_ONCE, number))
        before = self.worker.cpu_s
        for asked in range(AT_ONCE, number + AT_ONCE):
            self._read()
            if asked < number:
                self._ask(path, 1)
        return (self.worker.cpu_s - before) / number * 1e6

    def _ask(self, path: str, number: int) -> None:
        for _ in range(number):
            request: dict[str, Any] = {
                "reply_channel": self.layer.new_channel("http.response!"),
                "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "query_string": b"",
                "headers": HEADERS, "body": b"", "client": ["127.0.0.1", 40_000], "server": ["localhost", 80],
            }  # fmt: skip
            self.layer.send("http.request", request)

    def _read(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            channel, answer = self.layer.receive([self._replies], block=True)
            if channel is not None and answer is not None and "status" in answer:  # not an invitation alone
                self.layer.close_channel(channel)
                if answer["status"] != 200 or answer.get("more_content"):
                    raise RuntimeError(f"the worker answered {answer!r:.200}\n{self.worker.output()[-2000:]}")
                return
        raise RuntimeError(f"no answer came\n{self.worker.output()[-2000:]}")
