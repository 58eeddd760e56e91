"""Signals are plain Django signals."""

from __future__ import annotations

from django.dispatch import Signal

from zmqlayer.worker import signals


def test_the_signals() -> None:
    """What a project may connect to."""
    assert all(isinstance(getattr(signals, name), Signal) for name in signals.__all__)
    assert signals.__all__ == [
        "consumer_finished",
        "consumer_started",
        "worker_process_ready",
        "worker_ready",
    ]
