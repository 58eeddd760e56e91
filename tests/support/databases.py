"""What tests that use the database need to know of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

Result = TypeVar("Result")

on_postgres = pytest.mark.skipif(
    not settings.configured or connection.vendor != "postgresql",
    reason="needs PostgreSQL: run '.ci/with-postgres make test ARGS=tests/worker'",
)


def in_thread(act: Callable[[], Result]) -> Result:
    """Return what *act* returns in a thread, which has database connections of its own."""
    results: list[Result] = []

    def run() -> None:
        try:
            results.append(act())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert results, "the thread failed, or waits"
    return results[0]


def server_process() -> int:
    """Return which process of PostgreSQL serves this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def end_connection(pid: int | None = None) -> None:
    """Let PostgreSQL end a connection, this thread's if no other, as its restart or a firewall would."""
    ended = server_process() if pid is None else pid

    def end() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])
            return bool(cursor.fetchone()[0])

    assert in_thread(end)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Give the first words of the statements that ran inside, but for those of transactions."""
    words: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield words
    first_words = (query["sql"].split()[0] for query in captured.captured_queries)
    words.extend(word for word in first_words if word not in ("BEGIN", "COMMIT"))
