"""The time of a response."""

from __future__ import annotations

from zmqlayer.interface.clients.dates import http_date


def test_a_date_is_that_of_its_second() -> None:
    """In GMT, in English."""
    assert http_date(0.9) == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert http_date(1_700_000_000.0) == b"Tue, 14 Nov 2023 22:13:20 GMT"
