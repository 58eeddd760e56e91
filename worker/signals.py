"""
What a worker tells Django. Receivers of these that raise are logged, never the end of a worker.

``consumer_started`` and ``consumer_finished`` carry ``message``. Old database connections are closed before the first
and after the second, see :mod:`zmqlayer.worker.connections`.
"""

from __future__ import annotations

from django.dispatch import Signal

__all__ = ["consumer_finished", "consumer_started", "worker_process_ready", "worker_ready"]

consumer_started = Signal()
"""Sent before a consumer runs."""

consumer_finished = Signal()
"""Sent after a consumer has run, however it ended."""

worker_process_ready = Signal()
"""Sent once by each worker process that has joined the mesh, before its threads start; carries ``worker``."""

worker_ready = Signal()
"""Sent once by a process whose worker threads have started; carries ``worker``."""
