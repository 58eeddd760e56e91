"""What a server offers to clients that come by TLS."""

from __future__ import annotations

import pytest

from support.connections import Site
from zmqlayer.interface.options import ServerOptions


@pytest.mark.parametrize(("http2", "offered"), [(True, (b"h2", b"http/1.1")), (False, (b"http/1.1",))])
def test_http2_is_offered_first_unless_it_is_switched_off(http2: bool, offered: tuple[bytes, ...]) -> None:
    """By ALPN (RFC 7301)."""
    assert Site(ServerOptions(http2=http2)).factory.acceptableProtocols() == offered
