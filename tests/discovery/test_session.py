"""A node's part in mDNS while the interfaces of its machine change; ``tests/system/test_mdns.py`` has the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_interface
from types import SimpleNamespace
from typing import Any

import pytest
from zeroconf import DNSCache, ServiceInfo, ServiceStateChange

from support.announcements import announce, new_cluster
from support.found import FoundListener
from zmqlayer.discovery import session
from zmqlayer.discovery.addresses import Interface
from zmqlayer.discovery.records import SERVICE_TYPE, encode_txt, service_name
from zmqlayer.discovery.session import Session
from zmqlayer.exceptions import TransportError
from zmqlayer.limits import Limits
from zmqlayer.ports import Announcement

CABLE = Interface("eth0", 2, ip_interface("10.77.0.2/24"))


class Network:
    """Stands in for zeroconf: speaks to nobody, and hears what the test lets it hear."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.cache = DNSCache()
        self.engine = SimpleNamespace(senders=["one"])
        self.meanwhile: Callable[[], None] = lambda: None
        self.announced: list[tuple[str, ...]] = []

    def browse(self, zeroconf: object, kind: str, handlers: list[Callable[..., None]], **options: object) -> Any:
        """Take the place of ``AsyncServiceBrowser``."""
        (self._changed,) = handlers
        return SimpleNamespace(async_cancel=self.async_wait_for_start)

    def hear(self, announcement: Announcement, host: str) -> None:
        """Hear a node's announcement."""
        door = announcement.doors[0]
        name = service_name(announcement.node_id, door)
        txt = encode_txt(announcement.node_id, door)
        info = ServiceInfo(SERVICE_TYPE, name, port=door.pull, properties=txt, parsed_addresses=[host], server=name)
        self.cache.async_add_records([info.dns_service(), info.dns_text(), *info.dns_addresses()])
        self._changed(self, SERVICE_TYPE, name, ServiceStateChange.Added)

    async def async_wait_for_start(self) -> None:
        pass

    async def async_update_interfaces(self, speakers: list[str | int], version: object) -> None:
        """Listen there; what arrives does so before this is over, since it announces again."""
        self.meanwhile()

    async def async_register_service(self, service: Any, **options: object) -> Any:
        return self._announce(service)

    async def async_update_service(self, service: Any) -> Any:
        return self._announce(service)

    async def async_unregister_service(self, service: Any) -> Any:
        return self.async_wait_for_start()

    def generate_service_query(self, service: object) -> Any:
        return SimpleNamespace(questions=[])

    def async_send(self, query: object) -> None:
        pass

    async def _announce(self, service: Any) -> None:
        self.announced.append(tuple(service.parsed_addresses()))


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """A machine without a cable; zeroconf's loop runs on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    network = Network(loop)
    monkeypatch.setattr(session, "AsyncServiceBrowser", network.browse)
    monkeypatch.setattr(session, "read_interfaces", list)
    monkeypatch.setattr(session, "usable_speakers", list)
    yield network
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def cluster() -> str:
    return new_cluster()


@pytest.fixture
def heard() -> FoundListener:
    return FoundListener()


@pytest.fixture
def mobile(network: Network, cluster: str, heard: FoundListener) -> Iterator[Session]:
    """A node on all interfaces, of which there is only loopback."""
    mobile = Session(network, "subnet", Limits(), announce(cluster, addresses=("*",)), heard)  # type: ignore[arg-type]
    mobile.open()
    yield mobile
    mobile.close()


def test_who_speaks_while_interfaces_change_is_heard(
    network: Network, cluster: str, heard: FoundListener, mobile: Session
) -> None:
    """Where two machines get their network at the same time, each announces while the other still moves there."""
    other = announce(cluster, port=5001)
    network.meanwhile = lambda: network.hear(other, "10.77.0.3")

    mobile.refresh([CABLE])

    assert [candidate.address for candidate in heard.candidates] == ["tcp://10.77.0.3:5001"]
    assert network.announced[-1] == ("10.77.0.2",)


def test_a_change_that_failed_is_made_again(
    network: Network, cluster: str, heard: FoundListener, mobile: Session
) -> None:
    """Until then the scope is what it was."""

    def fail() -> None:
        raise OSError("no buffers")

    network.meanwhile = fail
    with pytest.raises((OSError, TransportError)):
        mobile.refresh([CABLE])
    network.meanwhile = lambda: None

    mobile.refresh([CABLE])

    assert network.announced[-1] == ("10.77.0.2",)
