"""The lines of the access log."""

from __future__ import annotations

from zmqlayer.interface.clients.access_log import Entry, combined_line


def test_a_line_is_ncsas_combined_format() -> None:
    """As every log reader knows it."""
    entry = Entry("10.0.0.9", 86_400.5, b"GET /a?b HTTP/1.1", 200, 12, b"http://ref/", b"curl/8")

    assert combined_line(entry) == (
        '10.0.0.9 - - [02/Jan/1970:00:00:00 +0000] "GET /a?b HTTP/1.1" 200 12 "http://ref/" "curl/8"'
    )


def test_what_is_not_known_is_a_hyphen() -> None:
    """Also a size of 0."""
    line = combined_line(Entry("-", 0.0, b"-", 413, 0))

    assert line == '- - - [01/Jan/1970:00:00:00 +0000] "-" 413 - "-" "-"'


def test_a_client_cannot_write_lines_of_its_own() -> None:
    """Quotes, backslashes and everything unprintable are escaped."""
    line = combined_line(Entry("-", 0.0, b"GET / HTTP/1.1", 200, 0, b"-", b'x" 500\r\n\\\xff'))

    assert line.endswith('"x\\x22 500\\x0d\\x0a\\x5c\\xff"')
