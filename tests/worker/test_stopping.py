"""SIGTERM and SIGINT while a command works."""

from __future__ import annotations

import os
import signal

import pytest

from zmqlayer.worker.stopping import SIGNALS, stopped_by_signals


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_stop(number: signal.Signals) -> None:
    """Each calls what stops the command; afterwards it means what it did."""
    before = signal.getsignal(number)
    stops: list[int] = []

    with stopped_by_signals(lambda: stops.append(1)):
        os.kill(os.getpid(), number)

    assert stops == [1]
    assert signal.getsignal(number) is before
