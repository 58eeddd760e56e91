"""
Discovery by name: seeds as ``dns://name:port``, for clouds and containers, where a name stands for all nodes.

Such a name is looked up again every few seconds, and every address it stands for is dialled: IPv4 and IPv6. A name in a
``tcp://`` seed means the same. ZeroMQ gets addresses only, since it would wait for the resolver with all it carries.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  # looking up a name would import it later, perhaps while another thread forks
import logging
import random
import socket
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final

from zmqlayer.discovery.countdown import Countdown
from zmqlayer.greetings import address_of
from zmqlayer.ports import Announcement, Candidate, DiscoveryListener

__all__ = ["DnsDiscovery", "DnsName", "look_up"]

logger = logging.getLogger("zmqlayer.discovery")

EVERY_S: Final = 5.0
STOP_WITHIN_S: Final = 0.2

LookUp = Callable[[str], list[str]]
"""Takes a name and returns its addresses; raises OSError if there are none to be had."""

GONE: Final = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
"""What says that a name stands for nothing, and not only that nobody could be asked."""


class DnsName:
    """
    What one name stands for, from one look to the next.

    Args:
        seed: ``dns://name:port`` or ``tcp://name:port``.
        most: Addresses that are taken from it.
    """

    def __init__(self, seed: str, most: int) -> None:
        self.name, _, port = seed.partition("://")[2].rpartition(":")
        self._port = int(port)
        self._most = most
        self._known: tuple[Candidate, ...] = ()
        self._has_failed = False

    def __repr__(self) -> str:
        return f"<DnsName {self.name} [{len(self._known)} addresses]>"

    def answer(self, hosts: Iterable[str]) -> tuple[list[Candidate], list[Candidate]]:
        """Take note of the addresses the name stands for now; returns those that came and those that went."""
        if self._has_failed:
            self._has_failed = False
            logger.info("the seed %s can be looked up again", self.name)
        usable = sorted({host for host in hosts if _is_usable(host)})  # or their turns would look like changes
        now = tuple(Candidate(address_of(host, self._port)) for host in usable[: self._most])
        before, self._known = self._known, now
        return [c for c in now if c not in before], [c for c in before if c not in now]

    def failure(self, error: OSError) -> list[Candidate]:
        """Take note that the look was in vain; returns the addresses that went, if the name is gone itself."""
        if not self._has_failed:
            self._has_failed = True
            logger.warning(
                "the seed %s cannot be looked up: %s; it is tried again every %g s", self.name, error.strerror, EVERY_S
            )
        if error.errno not in GONE:
            return []
        before, self._known = self._known, ()
        return list(before)


class DnsDiscovery:
    """
    Reports every address of every name, and takes it back when the name drops it. Announces nothing.

    Each name has a thread of its own, since to look one up may take as long as the system's resolver is patient,
    and cannot be ended. A name that hangs delays no other, and stopping waits for none.

    Args:
        seeds: ``dns://name:port`` or ``tcp://name:port``.
        most: Addresses that are taken from one name.
        ask: How to look a name up; the system's resolver, if not given.
        every_s: Seconds between two looks at a name, give or take a fifth.
    """

    def __init__(self, seeds: Iterable[str], most: int, ask: LookUp | None = None, every_s: float = EVERY_S) -> None:
        self._names = [DnsName(seed, most) for seed in seeds]
        self._ask = ask or look_up
        self._every_s = every_s
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._countdown = Countdown(len(self._names))

    def __repr__(self) -> str:
        return f"<DnsDiscovery {self._names}>"

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        """Begin to look; settled when each name was looked up once. See :class:`zmqlayer.ports.Discovery`."""
        for name in self._names[len(self._threads) :]:
            thread = threading.Thread(target=self._run, args=(name, listener), name="zmqlayer-dns", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Look no more. Should a look take longer, its thread ends in the background and reports nothing."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(STOP_WITHIN_S / len(self._threads))

    def _run(self, name: DnsName, listener: DiscoveryListener) -> None:
        self._look(name, listener)
        if self._countdown.is_last() and not self._stopping.is_set():
            listener.settled()
        while not self._stopping.wait(self._every_s * random.uniform(0.8, 1.2)):
            self._look(name, listener)

    def _look(self, name: DnsName, listener: DiscoveryListener) -> None:
        came: list[Candidate] = []
        try:
            hosts = self._ask(name.name)
        except OSError as exc:
            went = name.failure(exc)
        else:
            came, went = name.answer(hosts)
        if self._stopping.is_set():
            return
        for candidate in came:
            logger.debug("< found %s as %s", candidate.address, name.name)
            listener.found(candidate)
        for candidate in went:
            logger.debug("< lost %s as %s", candidate.address, name.name)
            listener.lost(candidate)


def look_up(name: str) -> list[str]:
    """
    Return the IPv4 and IPv6 addresses of *name*, by the system's resolver.

    Raises:
        OSError: There are none, or nobody could be asked.
    """
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except ValueError as exc:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "that is not a name") from exc
    return [str(address[0]) for *_, address in found]


def _is_usable(host: str) -> bool:
    ip = ip_address(host)
    return not ip.is_unspecified and not ip.is_multicast
