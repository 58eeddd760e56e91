"""Origins and the patterns that allow them."""

from __future__ import annotations

import pytest

from zmqlayer.interface.clients.origins import is_allowed_origin


@pytest.mark.parametrize(
    ("origin", "pattern"),
    [
        (b"https://example.com", "https://example.com"),
        (b"https://example.com", "https://example.com:443"),
        (b"https://example.com:443", "https://example.com/"),
        (b"HTTPS://Example.COM", "https://example.com"),
        (b"http://example.com:8000", "http://example.com:8000"),
        (b"http://example.com:8000", "example.com"),
        (b"http://a.b.example.com", ".example.com"),
        (b"http://example.com", ".example.com"),
        (b"https://a.example.com", "https://.example.com"),
        (b"http://[::1]:8000", "[::1]"),
        (b"http://[::1]:8000", "http://[::1]:8000"),
        (b"null", "*"),
        (b"capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_allowed(origin: bytes, pattern: str) -> None:
    """As Channels' ``OriginValidator`` reads them."""
    assert is_allowed_origin([origin], ["https://other.example", pattern])


@pytest.mark.parametrize(
    ("origin", "pattern"),
    [
        (b"http://example.com", "https://example.com"),
        (b"https://example.com:8443", "https://example.com"),
        (b"https://a.example.com", "https://example.com"),
        (b"https://a.example.com", "example.com"),
        (b"https://badexample.com", ".example.com"),
        (b"https://example.com.evil.example", "example.com"),
        (b"https://example.com@evil.example", "example.com"),
        (b"https://example.com/path", "example.com"),
        (b"https://example.com:x", "example.com"),
        (b"https://[", "example.com"),
        (b"null", "example.com"),
        (b"", "example.com"),
        (b"example.com", "example.com"),
        (b"https://example.com", "https://["),
    ],
)
def test_not_allowed(origin: bytes, pattern: str) -> None:
    """Nearly the same is not the same."""
    assert not is_allowed_origin([origin], [pattern])


def test_no_patterns_are_no_rule() -> None:
    """The default."""
    assert is_allowed_origin([b"https://anything.example"], [])


def test_who_is_no_browser_has_no_origin() -> None:
    """Nothing is won by refusing it: it could send any."""
    assert is_allowed_origin([], ["example.com"])


def test_two_origins_are_none() -> None:
    """No browser sends that."""
    assert not is_allowed_origin([b"https://example.com"] * 2, ["example.com"])
