"""One interface server in memory for each test; what a test leaves behind fails it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.connections import Site
from zmqlayer.interface.options import ServerOptions

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
