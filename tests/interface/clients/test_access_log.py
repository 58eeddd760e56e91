"""The lines of the access log."""

from __future__ import annotations

import json

from zmqlayer.interface.clients.access_log import Entry, combined_line, json_line


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


def test_a_line_may_be_an_object() -> None:
    """With a duration, and the request line taken apart."""
    entry = Entry("10.0.0.9", 86_400.5, b"GET /a?b HTTP/1.1", 200, 12, b"http://ref/", b"curl/8", 0.0123)

    assert json.loads(json_line(entry)) == {
        "time": "1970-01-02T00:00:00.500+00:00",
        "client": "10.0.0.9",
        "method": "GET",
        "target": "/a?b",
        "protocol": "HTTP/1.1",
        "status": 200,
        "size": 12,
        "duration_ms": 12.3,
        "referer": "http://ref/",
        "user_agent": "curl/8",
    }


def test_an_object_is_one_line_of_ascii() -> None:
    """Whatever the client sent; a request line that is not known is a hyphen."""
    line = json_line(Entry("-", 0.0, b"-", 400, 0, b"-", b'x" \r\n\\\xff'))

    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["user_agent"] == 'x" \r\n\\\xff'
    assert [json.loads(line)[key] for key in ("method", "target", "protocol")] == ["-", "", ""]


def test_a_target_with_blanks_forges_no_other_part() -> None:
    """The method ends at the first blank, and the protocol begins behind the last."""
    line = json_line(Entry("-", 0.0, b"GET /public HTTP/1.1 /secret HTTP/2", 400, 0))

    assert [json.loads(line)[key] for key in ("method", "target", "protocol")] == [
        "GET",
        "/public HTTP/1.1 /secret",
        "HTTP/2",
    ]
