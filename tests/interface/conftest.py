"""One interface server in memory for each test; what a test leaves behind fails it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.certificates import make_pair
from support.connections import Site
from support.tls_client import TlsClient
from zmqlayer.interface.options import ServerOptions
from zmqlayer.interface.serving.certificates import Certificates

SiteMaker = Callable[..., Site]


@pytest.fixture
def make_site() -> Iterator[SiteMaker]:
    """Makes a server from keyword options, and closes it after the test."""
    sites = []

    def make(**options: object) -> Site:
        sites.append(Site(ServerOptions(**options)))  # type: ignore[arg-type]  # tests pass what fits
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site: SiteMaker) -> Site:
    """A server with default options."""
    return make_site()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What a server needs for TLS with HTTP/2 and HTTP/1.1."""
    pair = make_pair(tmp_path_factory.mktemp("tls"), "server")
    certificates = Certificates(str(pair.cert), str(pair.key), [b"h2", b"http/1.1"])
    certificates.load()
    return certificates


@pytest.fixture
def come_by_tls(make_site: SiteMaker, certificates: Certificates) -> Iterator[Callable[..., TlsClient]]:
    """Makes a client of a given site, with the protocols that it offers; the clients leave after the test."""
    clients: list[TlsClient] = []

    def come(site: Site, *protocols: bytes) -> TlsClient:
        clients.append(TlsClient(site, certificates, protocols))
        return clients[-1]

    yield come
    for client in clients:
        client.leave()
