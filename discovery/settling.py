"""When discovery has settled, where several have a say in it, or one has it more than once."""

from __future__ import annotations

from zmqlayer.discovery.countdown import Countdown
from zmqlayer.ports import Candidate, DiscoveryListener

__all__ = ["Settling"]


class Settling:
    """
    Passes on what a source finds, and ``settled`` only as often as it takes for the countdown to be over: once.

    Args:
        countdown: Of all sources that have the same listener.
    """

    def __init__(self, listener: DiscoveryListener, countdown: Countdown) -> None:
        self._listener = listener
        self._countdown = countdown

    def found(self, candidate: Candidate) -> None:
        """See :class:`zmqlayer.ports.DiscoveryListener`; the others too."""
        self._listener.found(candidate)

    def lost(self, candidate: Candidate) -> None:
        self._listener.lost(candidate)

    def moved(self, hosts: tuple[str, ...]) -> None:
        self._listener.moved(hosts)

    def settled(self) -> None:
        if self._countdown.is_last():
            self._listener.settled()
