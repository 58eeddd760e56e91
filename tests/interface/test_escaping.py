"""What clients sent, in a log."""

from __future__ import annotations

import logging

import pytest

from zmqlayer.interface.escaping import escape, log_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"GET /a?b HTTP/1.1", "GET /a?b HTTP/1.1"),
        (b'x" 500\r\n\\\xff', "x\\x22 500\\x0d\\x0a\\x5c\\xff"),
        ("/\n\x1b[31m", "/\\x0a\\x1b[31m"),
        ("/\u00e4\u2028\x9b", "/\\xc3\\xa4\\xe2\\x80\\xa8\\xc2\\x9b"),
        ("/\udcff", "/\\xff"),
    ],
)
def test_what_is_not_printable_is_escaped(text: bytes | str, shown: str) -> None:
    """Quotes and backslashes too, so that two texts never look the same."""
    assert escape(text) == shown


def test_a_log_escapes_what_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Texts and exceptions; the sentence itself, and all else, stay as they are."""
    with caplog.at_level(logging.INFO):
        log_of(__name__).info("ä %s of %s, %d %g", "/\n", ValueError("a\rb"), 3, 0.5)
        log_of(__name__).info("ä")

    assert [record.getMessage() for record in caplog.records] == ["ä /\\x0a of a\\x0db, 3 0.5", "ä"]


def test_a_log_escapes_once_however_often_it_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """A backslash is not doubled for each."""
    for _ in range(2):
        log_of(__name__).warning("%s", "\\")

    assert {record.getMessage() for record in caplog.records} == {"\\x5c"}
