"""HTTP clients of a cluster: one request, or steady traffic from many."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["Answer", "Traffic", "ask", "get"]

ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A response.

    Attributes:
        status: 0 if there was none.
        headers: By name in lower case.
        worker: Process id of the worker that gave it; 0 if it was none.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def worker(self) -> int:
        return int(self.headers.get("x-worker", 0))


NO_ANSWER = Answer(0, {}, b"")


def ask(port: int, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Answer:
    """Send one request on a connection of its own and return the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN_S)
    try:
        return _exchange(connection, method, path, body, {"Content-Type": content_type} if content_type else {})
    finally:
        connection.close()


def get(port: int, path: str) -> Answer:
    """Send one GET request and return the response."""
    return ask(port, "GET", path)


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


class Traffic:
    """
    Clients that send one request after the other to *ports*, in turn, until the end of the block.

    Attributes:
        answers: All so far.
    """

    def __init__(self, ports: Sequence[int], n_clients: int = 8) -> None:
        self.answers: list[Answer] = []
        self._changed = threading.Condition()
        self._is_over = threading.Event()
        self._clients = [
            threading.Thread(target=self._send, args=(ports[number % len(ports)],), daemon=True)
            for number in range(n_clients)
        ]

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> None:
        """Send no more, and wait for the last answers. May be called twice."""
        self._is_over.set()
        for client in self._clients:
            client.join(2 * ANSWER_WITHIN_S)

    @property
    def failures(self) -> list[Answer]:
        """All that were not answered with 200."""
        return [answer for answer in self.answers if answer.status != 200]

    def wait_for(self, number: int, within_s: float, wanted: Callable[[Answer], bool] = lambda answer: True) -> None:
        """Return when *number* answers that are *wanted* have come from now on; fail if that takes longer."""
        with self._changed:
            begin = len(self.answers)
            if not self._changed.wait_for(lambda: sum(map(wanted, self.answers[begin:])) >= number, within_s):
                raise AssertionError(f"fewer than {number} such answers within {within_s:g} s")

    def _send(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN_S)
        while not self._is_over.is_set():
            try:
                answer = _exchange(connection, "GET", "/hello/", None, {})
            except (OSError, http.client.HTTPException):
                connection.close()
                answer = NO_ANSWER
            with self._changed:
                self.answers.append(answer)
                self._changed.notify_all()
        connection.close()
