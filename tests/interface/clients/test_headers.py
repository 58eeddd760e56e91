"""The order of header fields."""

from __future__ import annotations

from zmqlayer.interface.clients.headers import OrderedHeaders


def test_fields_come_back_as_they_were_added() -> None:
    """Repetitions stay where they were, with their own spelling."""
    headers = OrderedHeaders()

    for name, value in ((b"X-a", b"1"), (b"b", b"2"), (b"x-A", b"3")):
        headers.addRawHeader(name, value)

    assert headers.fields() == ((b"X-a", b"1"), (b"b", b"2"), (b"x-A", b"3"))
    assert list(headers.getAllRawHeaders()) == [(b"X-a", [b"1"]), (b"b", [b"2"]), (b"x-A", [b"3"])]
    assert headers.getRawHeaders(b"x-a") == [b"1", b"3"]


def test_setting_replaces_every_field_of_a_name() -> None:
    """Also where the spelling differs."""
    headers = OrderedHeaders()
    headers.addRawHeader(b"X-A", b"1")
    headers.addRawHeader(b"b", b"2")

    headers.setRawHeaders("x-a", ["3", b"4"])

    assert headers.fields() == ((b"b", b"2"), (b"x-a", b"3"), (b"x-a", b"4"))


def test_a_removed_field_is_gone() -> None:
    """In both views."""
    headers = OrderedHeaders()
    headers.addRawHeader(b"Expect", b"100-continue")

    headers.removeHeader(b"expect")

    assert not headers.hasHeader(b"Expect")
    assert headers.fields() == ()
