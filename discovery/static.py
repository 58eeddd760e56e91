"""Discovery from a list of addresses: for networks without multicast, such as containers and clouds."""

from __future__ import annotations

from collections.abc import Iterable

from zmqlayer.ports import Announcement, Candidate, DiscoveryListener

__all__ = ["StaticDiscovery"]


class StaticDiscovery:
    """
    Reports each seed once and announces nothing: the nodes behind the seeds learn of this one when it dials.

    Args:
        seeds: Addresses of nodes as ``tcp://host:port``, without names; one that runs is enough.
    """

    def __init__(self, seeds: Iterable[str]) -> None:
        self._seeds = tuple(seeds)

    def __repr__(self) -> str:
        return f"<StaticDiscovery [{len(self._seeds)} seeds]>"

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        """Report every seed, then that this is all."""
        for seed in self._seeds:
            listener.found(Candidate(seed))
        listener.settled()

    def stop(self) -> None:
        """Do nothing: nothing was announced and nothing runs."""
