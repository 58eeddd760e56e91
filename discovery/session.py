"""
One node's part in mDNS: its announcement, its browser and what it has found. Speaks to zeroconf.

Imported by :mod:`zmqlayer.discovery.mdns` on a background thread, since importing zeroconf takes a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from zeroconf import DNSQuestionType, Error, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo

from zmqlayer.discovery.addresses import (
    Interface,
    announced_addresses,
    choose_interfaces,
    multicast_interfaces,
    order_hosts,
)
from zmqlayer.discovery.interfaces import read_interfaces
from zmqlayer.discovery.multicast import usable_speakers
from zmqlayer.discovery.records import SERVICE_TYPE, encode_txt, is_peer, read_node_id, read_tag, service_name
from zmqlayer.exceptions import TransportError
from zmqlayer.greetings import address_of
from zmqlayer.limits import Limits
from zmqlayer.ports import Announcement, Candidate, DiscoveryListener, Door

__all__ = ["Session"]

logger = logging.getLogger("zmqlayer.discovery")

PROBES: Final = ((0.05, 1), (0.2, 8))
"""
When to probe, in seconds from the start, and how many known nodes make it needless.

The browser's own question goes out 20 to 120 ms after its start (RFC 6762, 5.2) and is answered 20 to 120 ms
later; but a record that its owner multicast within the last second is answered a second late (section 14), so
nodes that start one after the other would be strangers for that long. A probe (section 8.1) is answered at
once. Where many nodes start together each probe would make all of them speak to all: there, plenty are known
by now from what they announce, and none is sent.
"""

SETTLED_AFTER_S: Final = 0.45
"""
When what exists has been reported: the latest question (120 ms) and the latest answer (120 ms), then as much
again for a slow network or a busy machine. Nodes still missing by then hear this one's announcement and dial it.
"""

RESOLVE_TIMEOUT_MS: Final = 3000
CALL_TIMEOUT_S: Final = 5.0


class Session:
    """
    Announces one node, browses for others and tells *listener*, until it is closed.

    :meth:`open` and :meth:`close` are called from another thread than zeroconf's; everything else, the calls
    of *listener* included, happens on zeroconf's event loop.
    """

    def __init__(
        self, zeroconf: Zeroconf, scope: str, limits: Limits, announcement: Announcement, listener: DiscoveryListener
    ) -> None:
        self._zeroconf = zeroconf
        self._limits = limits
        self._scope = scope
        self._announcement = announcement
        self._listener = listener
        self._interfaces: tuple[Interface, ...] = ()
        self._services: list[AsyncServiceInfo] = []
        self._browser: AsyncServiceBrowser | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._announcing: list[asyncio.Future[Any]] = []
        self._resolving: dict[str, asyncio.Task[None]] = {}
        self._found: dict[str, tuple[Candidate, ...]] = {}

    def __repr__(self) -> str:
        return f"<Session {self._scope} [{len(self._found)} found | {len(self._resolving)} resolving]>"

    def open(self) -> None:
        """
        Browse and announce; returns when the announcement is on its way.

        Raises:
            OSError: Multicast cannot be used after all.
        """
        self._interfaces = choose_interfaces(self._scope, read_interfaces())
        self._call(self._open())

    def refresh(self, existing: list[Interface]) -> None:
        """
        Take part on the interfaces that *existing* has for this scope, and announce the addresses that are new.

        Raises:
            OSError: It did not work; the next call tries again.
        """
        interfaces = choose_interfaces(self._scope, existing)
        if interfaces != self._interfaces:
            self._call(self._refresh(interfaces, usable_speakers(multicast_interfaces(interfaces))))

    def close(self) -> None:
        """Say goodbye three times, which takes a quarter of a second, and forget everything."""
        self._call(self._close())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._zeroconf.loop is not None  # an instance has one from its construction on
        try:
            asyncio.run_coroutine_threadsafe(work, self._zeroconf.loop).result(CALL_TIMEOUT_S)
        except (Error, TimeoutError) as exc:
            raise TransportError(str(exc) or type(exc).__name__) from exc

    async def _open(self) -> None:
        await self._zeroconf.async_wait_for_start()
        if not self._zeroconf.engine.senders:
            raise TransportError("no interface takes part in multicast")
        # Browse first: announcing takes half a second, and others may speak meanwhile. Ask for answers by
        # multicast: a unicast answer reaches only one of the processes that share port 5353 of this machine.
        self._browser = AsyncServiceBrowser(
            self._zeroconf, SERVICE_TYPE, handlers=[self._changed], question_type=DNSQuestionType.QM
        )
        self._services = [self._describe(door) for door in self._announcement.doors]
        if self._is_reachable():
            for service in self._services:
                await self._announce(service)
        loop, first = asyncio.get_running_loop(), self._services[0]
        self._timers = [loop.call_later(delay_s, self._probe, first, enough) for delay_s, enough in PROBES]
        self._timers.append(loop.call_later(SETTLED_AFTER_S, self._listener.settled))

    async def _refresh(self, interfaces: tuple[Interface, ...], speakers: list[str | int]) -> None:
        has_ipv4, has_ipv6 = (any(isinstance(s, kind) for s in speakers) for kind in (str, int))
        version = IPVersion.All if has_ipv4 and has_ipv6 else IPVersion.V4Only if has_ipv4 else IPVersion.V6Only
        before, self._interfaces = self._interfaces, interfaces  # others are heard there while this goes on
        try:
            await self._zeroconf.async_update_interfaces(speakers, version)
        except BaseException:
            self._interfaces = before
            raise
        self._services = [self._describe(door) for door in self._announcement.doors]
        if not self._is_reachable():
            return
        announced, self._announcing = self._announcing, []
        for service in self._services:
            if announced:
                service.set_server_if_missing()
                sending = await self._zeroconf.async_update_service(service)
                self._announcing.append(asyncio.ensure_future(sending))
            else:
                await self._announce(service)

    def _is_reachable(self) -> bool:
        if not self._services[0].parsed_addresses():
            logger.warning(
                "this node listens on %s, which nodes of discovery scope %r cannot reach, so it is not announced; "
                "bind it to '*', or use scope 'localhost'",
                ", ".join(self._announcement.addresses),
                self._scope,
            )
            return False
        return True

    async def _announce(self, service: AsyncServiceInfo) -> None:
        # The name is random, so there is no need to ask three times whether someone else has it.
        sending = await self._zeroconf.async_register_service(service, cooperating_responders=True)
        self._announcing.append(asyncio.ensure_future(sending))
        logger.debug("> announced %s at %s", service.name, service.parsed_addresses())

    def _describe(self, door: Door) -> AsyncServiceInfo:
        node_id = self._announcement.node_id
        return AsyncServiceInfo(
            SERVICE_TYPE,
            service_name(node_id, door),
            port=door.pull,
            properties=encode_txt(node_id, door),
            parsed_addresses=list(announced_addresses(self._announcement.addresses, self._interfaces)),
        )

    def _probe(self, service: AsyncServiceInfo, enough: int) -> None:
        if len(self._found) >= enough:
            return
        query = self._zeroconf.generate_service_query(service)
        for question in query.questions:
            question.unicast = False  # see _open
        self._zeroconf.async_send(query)

    async def _close(self) -> None:
        if self._browser is not None:
            await self._browser.async_cancel()
        for timer in self._timers:
            timer.cancel()
        for task in self._resolving.values():
            task.cancel()
        for announcing in self._announcing:
            announcing.cancel()  # or it might announce again after the goodbye
        goodbyes = [await self._zeroconf.async_unregister_service(s) for s in self._services[: len(self._announcing)]]
        await asyncio.gather(*goodbyes)

    def _changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if not is_peer(name, self._announcement):
            return
        if state_change is ServiceStateChange.Removed:
            self._report(name, ())
            return
        service = AsyncServiceInfo(service_type, name)
        if service.load_from_cache(zeroconf):
            self._read(service)
        elif name not in self._resolving:
            if len(self._resolving) >= self._limits.lookups:
                next(iter(self._resolving.values())).cancel()  # the oldest: a newcomer answers at once, or never
            self._resolving[name] = asyncio.ensure_future(self._resolve(service))

    async def _resolve(self, service: AsyncServiceInfo) -> None:
        try:
            if await service.async_request(self._zeroconf, RESOLVE_TIMEOUT_MS):
                self._read(service)
        finally:
            if self._resolving.get(service.name) is asyncio.current_task():
                del self._resolving[service.name]

    def _read(self, service: AsyncServiceInfo) -> None:
        node_id = read_node_id(service.name, service.properties)
        if node_id is None or not service.port:
            logger.debug("< ignored the malformed record of %.80r", service.name)
            return
        hosts = order_hosts(service.parsed_scoped_addresses(), self._interfaces)
        tag = read_tag(service.name)
        candidates = (Candidate(address_of(host, service.port), node_id, tag) for host in hosts)
        self._report(service.name, tuple(candidates))

    def _report(self, name: str, candidates: tuple[Candidate, ...]) -> None:
        known = self._found.pop(name, ())
        if candidates:
            self._make_room()
            self._found[name] = candidates
        for candidate in candidates:
            if candidate not in known:
                logger.debug("< found %s", candidate.address)
                self._listener.found(candidate)
        for candidate in known:
            if candidate not in candidates:
                logger.debug("< lost %s", candidate.address)
                self._listener.lost(candidate)

    def _make_room(self) -> None:
        """Forget the oldest instance of too many. What it named is not taken back: the mesh keeps its own table."""
        if len(self._found) >= self._limits.instances:
            self._found.pop(next(iter(self._found)))
