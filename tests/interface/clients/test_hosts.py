"""Which hosts are served."""

from __future__ import annotations

import pytest

from zmqlayer.interface.clients.hosts import is_allowed_host

ALLOWED = ("example.com", ".Example.org", "[::1]", "127.0.0.1")


@pytest.mark.parametrize(
    "host",
    [
        b"example.com",
        b"EXAMPLE.com:8000",
        b"example.com.",
        b"example.org",
        b"a.b.example.org",
        b"[::1]:80",
        b"127.0.0.1",
    ],
)
def test_hosts_that_are_served(host: bytes) -> None:
    """Port, case, and a dot at the end count for nothing; a leading dot stands for subdomains too."""
    assert is_allowed_host(host, ALLOWED)


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"evil.com",
        b"a.example.com",
        b"badexample.org",
        b"example.com:80:90",
        b"example.com@evil.com",
        b"\xff",
        b"::1",
    ],
)
def test_hosts_that_are_not(host: bytes) -> None:
    """Neither names that end alike, nor what is no host at all."""
    assert not is_allowed_host(host, ALLOWED)


def test_a_star_serves_any_host() -> None:
    """But still only hosts."""
    assert is_allowed_host(b"any.where:1", ("*",))
    assert not is_allowed_host(b"any where", ("*",))
