"""What this machine has: the one test that looks at real interfaces, and opens nothing."""

from __future__ import annotations

from zmqlayer.discovery.interfaces import read_interfaces


def test_interfaces_are_read_with_their_networks() -> None:
    """Loopback is on every machine, with its network."""
    texts = {str(interface.ip) for interface in read_interfaces()}

    assert "127.0.0.1/8" in texts
