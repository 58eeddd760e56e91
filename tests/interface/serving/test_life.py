"""How a server ends, in virtual time."""

from __future__ import annotations

import logging

import pytest
from twisted.internet.testing import MemoryReactorClock

from support.connections import RecordedLayer
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.interface.serving.health import Health
from zmqlayer.interface.serving.life import Life
from zmqlayer.interface.serving.notify import Notifier
from zmqlayer.interface.serving.places import Described
from zmqlayer.interface.serving.ports import Opener
from zmqlayer.interface.serving.server import InterfaceServer


class Run:
    """A server that runs, and what can be seen of it."""

    def __init__(self, **options: float) -> None:
        self.reactor = MemoryReactorClock()
        self.context = Context(RecordedLayer(), ServerOptions(**options), self.reactor)  # type: ignore[arg-type]
        self.server = InterfaceServer(self.context)
        self.server.listen(Opener(self.reactor, self.server.factory, None, 5), Described("tcp:8000"))
        self.health = Health(self.context.layer, self.context.options)
        self.reloaded: list[str] = []
        reloads = [lambda: self.reloaded.append("certificate"), lambda: self.reloaded.append("log")]
        self.life = Life(self.reactor, self.server, self.context, self.health, Notifier(""), reloads)

    @property
    def is_listening(self) -> bool:
        """Whether clients are accepted."""
        return "1 places" in repr(self.server)

    @property
    def is_over(self) -> bool:
        """Whether the reactor was stopped."""
        return bool(self.reactor.hasStopped)


def test_a_server_without_clients_ends_at_once() -> None:
    """Nobody is accepted any more."""
    run = Run()

    run.life.stop()

    assert (run.is_listening, run.is_over, run.health.is_leaving) == (False, True, True)


def test_a_server_can_be_unready_before_it_closes() -> None:
    """So that balancers take it out first."""
    run = Run(stop_delay_s=5.0)

    run.life.stop()

    assert (run.is_listening, run.is_over, run.health.is_leaving) == (True, False, True)
    run.reactor.advance(5.0)
    assert (run.is_listening, run.is_over) == (False, True)


def test_asked_twice_it_ends_at_once() -> None:
    """And leaves no timer behind."""
    run = Run(stop_delay_s=5.0)

    run.life.stop()
    run.life.stop()
    run.life.stop()

    assert run.is_over
    assert not run.reactor.getDelayedCalls()


def test_reloading_reads_everything_again() -> None:
    """The server goes on."""
    run = Run()

    run.life.reload()

    assert run.reloaded == ["certificate", "log"]
    assert run.is_listening


def test_counts_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """What clients did that they should not, and how many are there."""
    run = Run()
    run.context.faults.note("too slow", "-", 0.0)
    run.context.tally.note(200)
    caplog.set_level(logging.INFO, "zmqlayer.interface")

    run.life.tell()

    assert caplog.messages[-1] == (
        "1 requests answered (2xx: 1), 0 WebSockets opened; 0 connections are open; clients refused: too slow: 1"
    )
